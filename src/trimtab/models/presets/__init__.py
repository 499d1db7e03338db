"""Models by presets of KerasHub and by Keras Applications: a trained backbone, and a head for the data."""
