"""Runtimes: what turns a Keras model into files, and what runs these files where they are served."""
