"""The `deploy` component."""
