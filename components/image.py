"""The container image that every component runs in."""

import os

# An empty one would leave it to Kubeflow, which has no trimtab in its image.
IMAGE = os.environ.get("TRIMTAB_IMAGE") or "trimtab:0.1.0"
