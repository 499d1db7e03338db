"""The dependency graph: which channels of which layers stand or fall together, and how to cut them out."""
