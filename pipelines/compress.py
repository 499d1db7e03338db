"""The `compress` DAG: from a model that its user brings to a deployed one within its budget.

    data_prep → train (which takes the model as it came) → for each shard: prune → quantize → evaluate
    → select → if there is no better champion: deploy → report, whatever happened

It is `optimize` without the search: the baseline is the model as it came.
"""

from collections.abc import Mapping
from typing import Any

from pipelines.shared import from_data, reported, sizer

NAME = "trimtab-compress"


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """Returns the pipeline; the arguments are those of `pipelines.optimize.build`."""
    sized = sizer(resources, image)
    work = from_data(sized, "compression", "From a trained model to a deployed one.", searched=False)
    does = "Makes a trained model small and fast within a budget, proves it, deploys it."
    return reported(sized, work, NAME, does, "compress")


compress = build({})
