"""What the records of a run's stages say, put together."""
