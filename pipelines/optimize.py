"""The `optimize` DAG: from data to a deployed model within its budget.

    data_prep → tune → train → for each recipe: prune → shortlist → for each candidate: quantize → evaluate
    → select → if within the budget: deploy → report, whatever happened

One pipeline serves every config: the config travels as a parameter, the recipes as a list of ids.
"""

from collections.abc import Mapping
from typing import Any

from kfp import dsl
from kfp.dsl import Dataset, Input, Model

from components.data_prep.component import data_prep
from components.deploy.component import deploy
from components.evaluate.component import evaluate
from components.prune.component import prune
from components.quantize.component import quantize
from components.report.component import report
from components.select.component import select
from components.shortlist.component import shortlist
from components.train.component import train
from components.tune.component import tune
from pipelines import resources as stage_resources

NAME = "trimtab-optimize"


def run_uri(output: Any) -> str:
    """Returns the URI of the run's directory: the output directory, and the id that KFP gives the run."""
    return f"{output}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"


def build(resources: Mapping[str, Any], image: str | None = None) -> Any:
    """Returns the pipeline.

    Args:
        resources: The config's `resources` section, as plain values; an empty one leaves KFP's defaults.
        image: The image of every task; None: the one that the components were made with.

    Returns:
        The pipeline, to compile, to submit, or to call after `kfp.local.init`.
    """

    def sized(task: dsl.PipelineTask, stage: str) -> dsl.PipelineTask:
        if image is not None:
            task.set_container_image(image)
        return stage_resources.apply(task, stage, resources)

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
        common = {"config": config, "run": run_uri(output)}
        prepared = sized(data_prep(**common), "data_prep")
        dataset = prepared.outputs["dataset"]
        tuned = sized(tune(**common, dataset=dataset), "tune")
        inputs = {"dataset": dataset, "hyperparameters": tuned.outputs["hyperparameters"]}
        trained = sized(train(**common, **inputs), "train")

        with dsl.ParallelFor(recipes, name="recipes") as recipe:
            pruned = sized(prune(**common, recipe=recipe, model=trained.outputs["model"], **inputs), "prune")
        listed = sized(shortlist(**common, pruned=dsl.Collected(pruned.outputs["pruned"])), "shortlist")

        with dsl.ParallelFor(listed.outputs["Output"], name="candidates") as candidate:
            made = sized(
                quantize(**common, candidate=candidate, shortlist=listed.outputs["shortlist"], **inputs),
                "quantize",
            )
            measured = sized(
                evaluate(**common, candidate=candidate, dataset=dataset, quantized=made.outputs["quantized"]),
                "evaluate",
            )
        chosen = sized(
            select(
                **common,
                dataset=dataset,
                quantized=dsl.Collected(made.outputs["quantized"]),
                evaluations=dsl.Collected(measured.outputs["evaluation"]),
            ),
            "select",
        )
        promoted = promotion(
            config=config,
            output=output,
            within_budget=chosen.outputs["Output"],
            dataset=dataset,
            model=trained.outputs["model"],
            shortlist=listed.outputs["shortlist"],
            selection=chosen.outputs["selection"],
        )
        # Not an ExitHandler: the backend fails on loops inside one. `data_prep` always ends, well or not, so
        # waiting for it too makes the report run when everything between was left out.
        written = sized(report(**common), "report")
        written.after(prepared, tuned, trained, listed, chosen, promoted).ignore_upstream_failure()

    return optimize


optimize = build({})
