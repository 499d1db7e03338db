"""One file a stage: what a component calls."""
