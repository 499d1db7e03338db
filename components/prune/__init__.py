"""The `prune` component."""
