"""What the DAGs share: where a run is, what its tasks get, and the way from data to the chosen candidate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kfp import dsl

from components.data_prep.component import data_prep
from components.evaluate.component import evaluate
from components.prune.component import prune
from components.quantize.component import quantize
from components.select.component import select
from components.shortlist.component import shortlist
from components.train.component import train
from components.tune.component import tune
from pipelines import resources as stage_resources

Sized = Callable[[dsl.PipelineTask, str], dsl.PipelineTask]


def run_uri(output: Any) -> str:
    """Returns the URI of the run's directory: the output directory, and the id that KFP gives the run."""
    return f"{output}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"


def sizer(resources: Mapping[str, Any], image: str | None) -> Sized:
    """Returns a function that gives a stage's task its image and its resources.

    Args:
        resources: The config's `resources` section, as plain values; an empty one leaves KFP's defaults.
        image: The image of every task; None: the one that the components were made with.
    """

    def sized(task: dsl.PipelineTask, stage: str) -> dsl.PipelineTask:
        if image is not None:
            task.set_container_image(image)
        return stage_resources.apply(task, stage, resources)

    return sized


@dataclass(frozen=True)
class Candidates:
    """The tasks that make and judge candidates, for others to take from and to wait for."""

    prepared: dsl.PipelineTask
    tuned: dsl.PipelineTask
    trained: dsl.PipelineTask
    listed: dsl.PipelineTask
    chosen: dsl.PipelineTask

    @property
    def deployable(self) -> dict[str, Any]:
        """Returns what `deploy` needs of them."""
        return {
            "dataset": self.prepared.outputs["dataset"],
            "model": self.trained.outputs["model"],
            "shortlist": self.listed.outputs["shortlist"],
            "selection": self.chosen.outputs["selection"],
        }


def candidates(sized: Sized, *, config: Any, run: str, recipes: Any, champion: Any = None) -> Candidates:
    """Adds the tasks from the data to the chosen candidate to the pipeline that is being built.

    Args:
        sized: As `sizer` returns it.
        config: The config: a pipeline's parameter, or a task's output.
        run: The URI of the run's directory.
        recipes: The ids of the recipes: a pipeline's parameter, or a task's unnamed output.
        champion: The snapshot of the model in service, which retraining starts from; None: from scratch.
    """
    common = {"config": config, "run": run}
    before = {"champion": champion} if champion is not None else {}
    prepared = sized(data_prep(**common, **before), "data_prep")
    dataset = prepared.outputs["dataset"]
    tuned = sized(tune(**common, **before, dataset=dataset), "tune")
    inputs = {"dataset": dataset, "hyperparameters": tuned.outputs["hyperparameters"]}
    trained = sized(train(**common, **before, **inputs), "train")

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
    return Candidates(prepared, tuned, trained, listed, chosen)
