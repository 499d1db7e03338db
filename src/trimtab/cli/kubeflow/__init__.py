"""The commands' way to a Kubeflow Pipelines server; only ``options`` is imported before a command runs."""
