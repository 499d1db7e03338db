"""The `data_prep` component."""
