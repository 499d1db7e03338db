"""From sources to a dataset: the split, the two passes, and the executors that share out the work."""
