"""The `optimize` DAG: from data to a deployed model within its budget.

    data_prep → tune → train → for each recipe: prune → shortlist → for each candidate: quantize → evaluate
    → select → if within the budget: deploy → report, whatever happened

One pipeline serves every config: the config travels as a parameter, the recipes as a list of ids.
"""

from collections.abc import Mapping
from typing import Any

from kfp import dsl
from kfp.dsl import Dataset, Input, Model

from components.deploy.component import deploy
from components.report.component import report
from pipelines.shared import candidates, run_uri, sizer

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

    # A pipeline of its own, for `report` to wait for: KFP lets no task wait for one inside a condition.
    @dsl.pipeline(name="promotion", description="Deploys the chosen candidate, if there is one.")
    def promotion(
        config: str,
        output: str,
        within_budget: bool,
        dataset: Input[Dataset],
        model: Input[Model],
        shortlist: Input[Model],
        selection: Input[Model],
    ):
        inputs = {"dataset": dataset, "model": model, "shortlist": shortlist, "selection": selection}
        with dsl.If(within_budget == True, name="within-budget"):  # noqa: E712 - KFP builds a condition of it
            sized(deploy(config=config, run=run_uri(output), **inputs), "deploy")

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
        run = run_uri(output)
        made = candidates(sized, config=config, run=run, recipes=recipes)
        promoted = promotion(
            config=config, output=output, within_budget=made.chosen.outputs["Output"], **made.deployable
        )
        # Not an ExitHandler: the backend fails on loops inside one. `data_prep` always ends, well or not, so
        # waiting for it too makes the report run when everything between was left out.
        written = sized(report(config=config, run=run, pipeline="optimize"), "report")
        before = (made.prepared, made.tuned, made.trained, made.listed, made.chosen, promoted)
        written.after(*before).ignore_upstream_failure()

    return optimize


optimize = build({})
