"""Tasks: what a label means, how a model learns it, how its answers are judged, and what to call all that."""
