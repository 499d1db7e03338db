"""The `retrain` DAG: what new data does to the model in service.

    check_data → if there is something new: [ plan → the tasks of `optimize`, with the champion wired in
    → compare → if the challenger is better: deploy ] → report, whatever happened

Everything is judged against one snapshot of the champion, which `plan` takes, in the run's directory.
"""

from collections.abc import Mapping
from typing import Any

from kfp import dsl

from components.check_data.component import check_data
from components.data_prep.component import data_prep
from components.plan.component import plan
from pipelines.shared import SHARDS, candidates, place, report_after, sizer, trained

NAME = "trimtab-retrain"


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """Returns the pipeline; the arguments are those of `pipelines.optimize.build`."""
    sized = sizer(resources, image)
    challenge = candidates(sized)

    @dsl.pipeline(name="renewal", description="Challenges the champion, if there is a reason to.")
    def renewal(config: str, output: str, shards: list[str], forced_by: str, forced_reason: str):
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        checked = sized(check_data(**place(output), config=config, **forced), "check_data")
        with dsl.If(checked.output == True):  # noqa: E712 - KFP builds a condition
            planned = sized(plan(**place(output)), "plan")
            prepared = sized(data_prep(**place(output), retrain=True), "data_prep").after(planned)
            model = trained(sized, output, prepared.output)
            challenge(output=output, shards=shards, dataset=prepared.output, model=model, **forced)

    @dsl.pipeline(
        name=NAME,
        description="Retrains the model in service where there is new data, and promotes what is proven.",
    )
    def retrain(
        config: str, output: str, shards: list[str] = SHARDS, forced_by: str = "", forced_reason: str = ""
    ):
        """Retrains on new data, and promotes a challenger that is better, or not worse and cheaper.

        Args:
            config: The resolved config as JSON, or the URI of a file with it.
            output: URI of the directory that holds the runs' directories.
            shards: The parts of the recipes, whose tasks may run at once.
            forced_by: Who wants a promotion whatever comes out; empty: nobody.
            forced_reason: Why.
        """
        renewed = renewal(
            config=config, output=output, shards=shards, forced_by=forced_by, forced_reason=forced_reason
        )
        report_after(sized, output, renewed, "retrain")

    return retrain


retrain = build({})
