"""trimtab: make trained Keras models small and fast within a budget, and prove they are still accurate."""

__version__ = "0.1.0"
