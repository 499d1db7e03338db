"""The `optimize` DAG with the toy stage between the data and the training: what its wiring takes."""

from collections.abc import Mapping
from typing import Any

from kfp import dsl
from stages.toy_component import count_rows

from components.data_prep.component import data_prep
from pipelines.optimize import NAME
from pipelines.shared import SHARDS, candidates, place, report_after, sizer, trained

__all__ = ["NAME", "build", "optimize"]


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """See ``pipelines.optimize.build``."""
    sized = sizer(resources, image)
    made = candidates(sized)

    @dsl.pipeline(name="optimization")
    def optimization(config: str, output: str, shards: list[str], forced_by: str, forced_reason: str):
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        prepared = sized(data_prep(**place(output), config=config), "data_prep").output
        dataset = sized(count_rows(**place(output), dataset=prepared), "count_rows").output
        made(output=output, shards=shards, dataset=dataset, model=trained(sized, output, dataset), **forced)

    @dsl.pipeline(name=NAME)
    def optimize(
        config: str, output: str, shards: list[str] = SHARDS, forced_by: str = "", forced_reason: str = ""
    ):
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        work = optimization(config=config, output=output, shards=shards, **forced)
        report_after(sized, output, work, "optimize")

    return optimize


optimize = build({})
