"""The `optimize` DAG with the toy stage between the data and the training: what its wiring takes."""

from collections.abc import Mapping
from typing import Any

from kfp import dsl
from stages.toy_component import count_rows

from components.data_prep.component import data_prep
from pipelines.optimize import NAME
from pipelines.shared import candidates, place, reported, sizer, trained

__all__ = ["NAME", "build", "optimize"]


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """See ``pipelines.optimize.build``."""
    sized = sizer(resources, image)
    made = candidates(sized)

    @dsl.pipeline(name="optimization")
    def optimization(config: str, output: str, shards: list[str], forced_by: str, forced_reason: str):
        given = {"output": output, "shards": shards, "forced_by": forced_by, "forced_reason": forced_reason}
        prepared = sized(data_prep(**place(output), config=config), "data_prep")
        dataset = sized(count_rows(**place(output), dataset=prepared.outputs["dataset"]), "count_rows").output
        model = trained(sized, output, prepared.outputs["training"], dataset)
        made(run=prepared.outputs["candidates"], dataset=dataset, model=model, **given)

    return reported(sized, optimization, NAME, "Counts rows too.", "optimize")


optimize = build({})
