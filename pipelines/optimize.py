"""The `optimize` DAG: from data to a deployed model within its budget.

    data_prep → tune → train → for each shard: prune → quantize → evaluate
    → select → if there is no better champion: deploy → report, whatever happened

One pipeline serves every config: the first task gets it, and leaves it in the run's directory for the others.
"""

from collections.abc import Mapping
from typing import Any

from pipelines.shared import from_data, reported, sizer

NAME = "trimtab-optimize"


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """Returns the pipeline.

    Args:
        resources: The config's `resources` section, as plain values; an empty one leaves KFP's defaults.
        image: The image of every task; None: the one that the components were made with.

    Returns:
        The pipeline, to compile, to submit, or to call after `kfp.local.init`.
    """
    sized = sizer(resources, image)
    work = from_data(sized, "optimization", "From data to a deployed model.", searched=True)
    does = "Trains a Keras model, makes it small and fast within a budget, proves it, deploys it."
    return reported(sized, work, NAME, does, "optimize")


optimize = build({})
