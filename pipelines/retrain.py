"""The `retrain` DAG: what new data does to the model in service.

    check_data → if there is something new: [ plan → the tasks of `optimize`, with the champion wired in
    → if the challenger is better: deploy ] → report, whatever happened

Everything is judged against one snapshot of the champion, which `plan` takes, in the run's directory.
"""

from collections.abc import Mapping
from typing import Any

from kfp import dsl

from components.check_data.component import check_data
from components.data_prep.component import data_prep
from components.plan.component import plan
from pipelines.shared import candidates, made_from, place, reported, sizer

NAME = "trimtab-retrain"


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """Returns the pipeline; the arguments are those of `pipelines.optimize.build`."""
    sized = sizer(resources, image)
    candidates_pipeline = candidates(sized)

    @dsl.pipeline(name="renewal", description="Challenges the champion, if there is a reason to.")
    def renewal(config: str, output: str, shards: list[str], forced_by: str, forced_reason: str):
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        checked = sized(check_data(**place(output), config=config, **forced), "check_data")
        with dsl.If(checked.output == True):  # noqa: E712 - KFP builds a condition
            planned = sized(plan(**place(output)), "plan")
            prepared = sized(data_prep(**place(output), retrain=True), "data_prep").after(planned)
            made_from(
                prepared, sized, candidates_pipeline, searched=True, output=output, shards=shards, **forced
            )

    does = "Retrains the model in service where there is new data, and promotes what is proven."
    return reported(sized, renewal, NAME, does, "retrain")


retrain = build({})
