"""What the DAGs share: where a run is, what its tasks get, and the way from data to the chosen candidate.

What goes from task to task are short strings: keys in the store, which is beside the runs' directories.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kfp import dsl

from components.compare.component import compare
from components.deploy.component import deploy
from components.evaluate.component import evaluate
from components.prune.component import prune
from components.quantize.component import quantize
from components.report.component import report
from components.select.component import select
from components.train.component import train
from components.tune.component import tune
from pipelines import resources as stage_resources

SHARDS = ["1/2", "2/2"]
"""Into how many parts the recipes are shared out, unless a run says another number."""

Sized = Callable[[dsl.PipelineTask, str], dsl.PipelineTask]


def place(output: Any) -> dict[str, Any]:
    """Returns the arguments that every task takes: where the run's directory is.

    The id that KFP gives the run is an argument of its own: the backend puts it in only where it is the whole
    argument, not where it is part of a string.
    """
    return {"output": output, "run_id": dsl.PIPELINE_JOB_ID_PLACEHOLDER}


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


def trained(sized: Sized, output: Any, dataset: Any) -> Any:
    """Adds the search and the training to the pipeline that is being built, and returns the model's key.

    Args:
        sized: As `sizer` returns it.
        output: URI of the directory that holds the runs' directories.
        dataset: The dataset's key.
    """
    tuned = sized(tune(**place(output), dataset=dataset), "tune")
    fitted = train(**place(output), dataset=dataset, hyperparameters=tuned.output)
    return sized(fitted, "train").output


def selected(sized: Sized, output: Any, shards: Any, dataset: Any, model: Any) -> dsl.PipelineTask:
    """Adds the tasks that make, judge and choose candidates to the pipeline that is being built.

    The pipeline takes the loop's and its tasks' arguments as its own: `kfp.local` puts the loop's item in the
    place of every output of a task that a loop's tasks take.

    Args:
        sized: As `sizer` returns it.
        output: URI of the directory that holds the runs' directories.
        shards: The shards, a task of each stage for each.
        dataset: The dataset's key.
        model: The trained model's key.
    """
    common = {**place(output), "dataset": dataset}
    # Without a name: the backend does not find what is collected from a loop that has one.
    with dsl.ParallelFor(shards) as shard:
        pruned = sized(prune(**common, shard=shard, model=model), "prune")
        quantized = sized(quantize(**common, shard=shard, pruned=pruned.output), "quantize")
        evaluated = sized(evaluate(**common, shard=shard, quantized=quantized.output), "evaluate")
    return sized(select(**common, model=model, evaluations=dsl.Collected(evaluated.output)), "select")


def candidates(sized: Sized) -> Any:
    """Returns the pipeline from a trained model to one that is deployed, for a pipeline to have as a task.

    Args:
        sized: As `sizer` returns it.
    """

    @dsl.pipeline(name="candidates", description="Makes candidates, and deploys the best if it wins.")
    def candidates(
        output: str, shards: list[str], dataset: str, model: str, forced_by: str, forced_reason: str
    ):
        chosen = selected(sized, output, shards, dataset, model)
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        compared = sized(compare(**place(output), dataset=dataset, **forced), "compare").after(chosen)
        with dsl.If(compared.output == True):  # noqa: E712 - KFP builds a condition
            sized(deploy(**place(output), dataset=dataset, model=model), "deploy")

    return candidates


def report_after(sized: Sized, output: Any, work: dsl.PipelineTask, pipeline: str) -> None:
    """Adds the report, which is written whatever happened.

    Args:
        sized: As `sizer` returns it.
        output: URI of the directory that holds the runs' directories.
        work: All other tasks in one pipeline: the backend would report once for each task that it waits for.
        pipeline: The pipeline's name.
    """
    written = sized(report(**place(output), pipeline=pipeline), "report")
    written.after(work).ignore_upstream_failure()
