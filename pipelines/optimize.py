"""The `optimize` DAG: from data to a deployed model within its budget.

    data_prep → tune → train → for each recipe: prune → shortlist → for each candidate: quantize → evaluate
    → select → if within the budget: deploy → report, whatever happened

One pipeline serves every config: the config travels as a parameter, the recipes as a list of ids.
"""

from collections.abc import Mapping
from typing import Any

from kfp import dsl

from components.deploy.component import deploy
from components.report.component import report
from pipelines.shared import candidates, common, sizer

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

    # A pipeline of its own, for `report` to wait for: the backend runs it once for each task it waits for.
    @dsl.pipeline(name="optimization", description="Makes candidates, and deploys the chosen one, if any.")
    def optimization(config: str, recipes: list[str], output: str):
        made = candidates(sized, common(config, output), recipes=recipes)
        with dsl.If(made.chosen.outputs["Output"] == True):  # noqa: E712 - KFP builds a condition
            sized(deploy(**common(config, output), **made.deployable), "deploy")

    @dsl.pipeline(
        name=NAME,
        description="Trains a Keras model, makes it small and fast within a budget, proves it, deploys it.",
    )
    def optimize(config: str, recipes: list[str], output: str):
        """Trains, shrinks, proves and ships a model.

        Args:
            config: The resolved config as JSON.
            recipes: The ids of the config's recipes.
            output: URI of the directory that holds the runs' directories.
        """
        optimized = optimization(config=config, recipes=recipes, output=output)
        written = sized(report(**common(config, output), pipeline="optimize"), "report")
        written.after(optimized).ignore_upstream_failure()

    return optimize


optimize = build({})
