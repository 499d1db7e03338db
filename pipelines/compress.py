"""The `compress` DAG: from a model that its user brings to a deployed one within its budget.

    data_prep → train (which takes the model as it came) → for each shard: prune → quantize → evaluate
    → select → compare → if there is no better champion: deploy → report, whatever happened

It is `optimize` without the search: the baseline is the model as it came.
"""

from collections.abc import Mapping
from typing import Any

from kfp import dsl

from components.data_prep.component import data_prep
from components.train.component import train
from pipelines.shared import SHARDS, candidates, place, report_after, sizer

NAME = "trimtab-compress"


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """Returns the pipeline; the arguments are those of `pipelines.optimize.build`."""
    sized = sizer(resources, image)
    made = candidates(sized)

    @dsl.pipeline(name="compression", description="From a trained model to a deployed one.")
    def compression(config: str, output: str, shards: list[str], forced_by: str, forced_reason: str):
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        dataset = sized(data_prep(**place(output), config=config), "data_prep").output
        brought = sized(train(**place(output), dataset=dataset), "train").output
        made(output=output, shards=shards, dataset=dataset, model=brought, **forced)

    @dsl.pipeline(
        name=NAME,
        description="Makes a trained model small and fast within a budget, proves it, deploys it.",
    )
    def compress(
        config: str, output: str, shards: list[str] = SHARDS, forced_by: str = "", forced_reason: str = ""
    ):
        """Shrinks, proves and ships a model that is trained already.

        Args:
            config: The resolved config as JSON, or the URI of a file with it.
            output: URI of the directory that holds the runs' directories.
            shards: The parts of the recipes, whose tasks may run at once.
            forced_by: Who wants the outcome deployed whatever the champion is; empty: nobody.
            forced_reason: Why.
        """
        work = compression(
            config=config, output=output, shards=shards, forced_by=forced_by, forced_reason=forced_reason
        )
        report_after(sized, output, work, "compress")

    return compress


compress = build({})
