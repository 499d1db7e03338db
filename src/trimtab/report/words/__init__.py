"""Numbers, verdicts and comparisons as people read them."""
