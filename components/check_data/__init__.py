"""The `check_data` component."""
