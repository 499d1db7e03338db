"""The geometry of charts: values become pixels here, the templates draw them."""
