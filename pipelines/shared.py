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


def common(config: Any, output: Any) -> dict[str, Any]:
    """Returns the arguments that every task takes: the config, and where the run's directory is.

    The id that KFP gives the run is an argument of its own: the backend puts it in only where it is the whole
    argument, not where it is part of a string.
    """
    return {"config": config, "output": output, "run_id": dsl.PIPELINE_JOB_ID_PLACEHOLDER}


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
    """The tasks that make and judge candidates, for others to take from."""

    prepared: dsl.PipelineTask
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


def candidates(sized: Sized, shared: Mapping[str, Any], *, recipes: Any, champion: Any = None) -> Candidates:
    """Adds the tasks from the data to the chosen candidate to the pipeline that is being built.

    Args:
        sized: As `sizer` returns it.
        shared: As `common` returns it.
        recipes: The ids of the recipes: a pipeline's parameter, or a task's unnamed output.
        champion: The snapshot of the model in service, which retraining starts from; None: from scratch.
    """
    before = {"champion": champion} if champion is not None else {}
    prepared = sized(data_prep(**shared, **before, recipes=recipes), "data_prep")
    dataset = prepared.outputs["dataset"]
    tuned = sized(tune(**shared, **before, dataset=dataset), "tune")
    inputs = {"dataset": dataset, "hyperparameters": tuned.outputs["hyperparameters"]}
    trained = sized(train(**shared, **before, **inputs), "train")

    # Without names: the backend does not find what is collected from a loop that has one.
    with dsl.ParallelFor(recipes) as recipe:
        pruned = sized(prune(**shared, recipe=recipe, model=trained.outputs["model"], **inputs), "prune")
    listed = sized(shortlist(**shared, pruned=dsl.Collected(pruned.outputs["pruned"])), "shortlist")

    with dsl.ParallelFor(listed.outputs["Output"]) as candidate:
        made = sized(
            quantize(**shared, candidate=candidate, shortlist=listed.outputs["shortlist"], **inputs),
            "quantize",
        )
        measured = sized(
            evaluate(**shared, candidate=candidate, dataset=dataset, quantized=made.outputs["quantized"]),
            "evaluate",
        )
    chosen = sized(
        select(
            **shared,
            dataset=dataset,
            quantized=dsl.Collected(made.outputs["quantized"]),
            evaluations=dsl.Collected(measured.outputs["evaluation"]),
        ),
        "select",
    )
    return Candidates(prepared, trained, listed, chosen)
