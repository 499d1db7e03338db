"""Keras 3 models: built-in architectures, the user's own builders and archives."""
