"""trimtab: make trained Keras models small and fast within a budget, and prove they are still accurate."""

from importlib.metadata import version

__version__ = version("trimtab")
