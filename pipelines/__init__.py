"""The DAGs of trimtab."""
