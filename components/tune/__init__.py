"""The `tune` component."""
