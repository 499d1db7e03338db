"""The `select` component."""
