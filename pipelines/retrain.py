"""The `retrain` DAG: what new data does to the model in service.

    check_data → if there is something new: [ plan → the tasks of `optimize`, with the champion wired in
    → compare → if the challenger is better: deploy ] → report, whatever happened

Everything is judged against one snapshot of the champion, which `plan` takes.
"""

from collections.abc import Mapping
from typing import Any

from kfp import dsl
from kfp.dsl import Input, Model

from components.check_data.component import check_data
from components.compare.component import compare
from components.deploy.component import deploy
from components.plan.component import plan
from components.report.component import report
from pipelines.shared import candidates, common, sizer

NAME = "trimtab-retrain"


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """Returns the pipeline; the arguments are those of `pipelines.optimize.build`."""
    sized = sizer(resources, image)

    # A pipeline of its own, because `kfp.local` puts the loop's item in the place of every output of a task
    # that a loop's tasks take; the arguments of a pipeline it leaves alone.
    @dsl.pipeline(name="challenge", description="Makes a challenger on the new data, and judges it.")
    def challenge(
        config: str,
        recipes: list[str],
        output: str,
        forced_by: str,
        forced_reason: str,
        champion: Input[Model],
    ):
        shared = common(config, output)
        made = candidates(sized, shared, recipes=recipes, champion=champion)
        compared = sized(
            compare(
                **shared,
                dataset=made.prepared.outputs["dataset"],
                selection=made.chosen.outputs["selection"],
                champion=champion,
                forced_by=forced_by,
                forced_reason=forced_reason,
            ),
            "compare",
        )
        judged = {"champion": champion, "comparison": compared.outputs["comparison"]}
        with dsl.If(compared.outputs["Output"] == True):  # noqa: E712 - KFP builds a condition
            sized(deploy(**shared, **made.deployable, **judged), "deploy")

    # A pipeline of its own, for `report` to wait for: the backend runs it once for each task it waits for.
    @dsl.pipeline(name="renewal", description="Challenges the champion, if there is a reason to.")
    def renewal(config: str, output: str, forced_by: str, forced_reason: str):
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        checked = sized(check_data(**common(config, output), **forced), "check_data")
        with dsl.If(checked.outputs["Output"] == True):  # noqa: E712 - KFP builds a condition
            planned = sized(plan(**common(config, output)), "plan")
            challenge(
                config=planned.outputs["planned"],
                recipes=planned.outputs["Output"],
                output=output,
                champion=planned.outputs["champion"],
                **forced,
            )

    @dsl.pipeline(
        name=NAME,
        description="Retrains the model in service where there is new data, and promotes what is proven.",
    )
    def retrain(config: str, output: str, forced_by: str = "", forced_reason: str = ""):
        """Retrains on new data, and promotes a challenger that is better, or not worse and cheaper.

        Args:
            config: The resolved config as JSON.
            output: URI of the directory that holds the runs' directories.
            forced_by: Who wants a promotion whatever comes out; empty: nobody.
            forced_reason: Why.
        """
        renewed = renewal(config=config, output=output, forced_by=forced_by, forced_reason=forced_reason)
        written = sized(report(**common(config, output), pipeline="retrain"), "report")
        written.after(renewed).ignore_upstream_failure()

    return retrain


retrain = build({})
