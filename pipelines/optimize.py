"""The `optimize` DAG: from data to a deployed model within its budget.

    data_prep → tune → train → for each shard: prune → quantize → evaluate
    → select → compare → if there is no better champion: deploy → report, whatever happened

One pipeline serves every config: the first task gets it, and leaves it in the run's directory for the others.
"""

from collections.abc import Mapping
from typing import Any

from kfp import dsl

from components.data_prep.component import data_prep
from pipelines.shared import SHARDS, candidates, place, report_after, sizer, trained

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
    made = candidates(sized)

    @dsl.pipeline(name="optimization", description="From data to a deployed model.")
    def optimization(config: str, output: str, shards: list[str], forced_by: str, forced_reason: str):
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        dataset = sized(data_prep(**place(output), config=config), "data_prep").output
        made(output=output, shards=shards, dataset=dataset, model=trained(sized, output, dataset), **forced)

    @dsl.pipeline(
        name=NAME,
        description="Trains a Keras model, makes it small and fast within a budget, proves it, deploys it.",
    )
    def optimize(
        config: str, output: str, shards: list[str] = SHARDS, forced_by: str = "", forced_reason: str = ""
    ):
        """Trains, shrinks, proves and ships a model.

        Args:
            config: The resolved config as JSON, or the URI of a file with it.
            output: URI of the directory that holds the runs' directories.
            shards: The parts of the recipes, whose tasks may run at once.
            forced_by: Who wants the outcome deployed whatever the champion is; empty: nobody.
            forced_reason: Why.
        """
        work = optimization(
            config=config, output=output, shards=shards, forced_by=forced_by, forced_reason=forced_reason
        )
        report_after(sized, output, work, "optimize")

    return optimize


optimize = build({})
