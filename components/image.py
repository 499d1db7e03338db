"""The container image that every component runs in."""

import os

IMAGE = os.environ.get("TRIMTAB_IMAGE", "trimtab:0.1.0")
