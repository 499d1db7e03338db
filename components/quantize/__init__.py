"""The `quantize` component."""
