"""How much worse than the baseline a candidate may be: upper confidence limits, a file a kind of metric."""
