"""TensorFlow SavedModels: read, checked for what they may do, and frozen to a graph of constants."""
