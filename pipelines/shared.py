"""What the DAGs share: where a run is, what its tasks get, and the way from data to the chosen candidate.

What goes from task to task are short strings: keys in the store, which is beside the runs' directories.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kfp import dsl

from components.data_prep.component import data_prep
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
    """Returns the arguments of a task that the cache never answers for: where the run's directory is.

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


def trained(sized: Sized, output: Any, run: Any, dataset: Any, *, searched: bool = True) -> Any:
    """Adds the search and the training to the pipeline that is being built, and returns the model's key.

    Args:
        sized: As `sizer` returns it.
        output: URI of the directory that holds the runs' directories.
        run: By what they know the run: `data_prep`'s `training`.
        dataset: The dataset's key.
        searched: Whether hyper-parameters are searched for before.
    """
    common = {"output": output, "run": run, "dataset": dataset}
    tuned = {"hyperparameters": sized(tune(**common), "tune").output} if searched else {}
    return sized(train(**common, **tuned), "train").output


def evaluated(sized: Sized, output: Any, run: Any, shards: Any, dataset: Any, model: Any) -> Any:
    """Adds the tasks that make and judge candidates to the pipeline that is being built; returns their keys.

    The pipeline takes the loop's and its tasks' arguments as its own: `kfp.local` puts the loop's item in the
    place of every output of a task that a loop's tasks take.

    Args:
        sized: As `sizer` returns it.
        output: URI of the directory that holds the runs' directories.
        run: By what they know the run: `data_prep`'s `candidates`.
        shards: The shards, a task of each stage for each.
        dataset: The dataset's key.
        model: The trained model's key.
    """
    common = {"output": output, "run": run, "dataset": dataset}
    # Without a name: the backend does not find what is collected from a loop that has one.
    with dsl.ParallelFor(shards) as shard:
        pruned = sized(prune(**common, shard=shard, model=model), "prune")
        quantized = sized(quantize(**common, shard=shard, pruned=pruned.output), "quantize")
        judged = sized(evaluate(**common, shard=shard, quantized=quantized.output), "evaluate")
    return dsl.Collected(judged.outputs["Output"])


def candidates(sized: Sized) -> Any:
    """Returns the pipeline from a trained model to one that is deployed, for a pipeline to have as a task.

    Args:
        sized: As `sizer` returns it.
    """

    @dsl.pipeline(name="candidates", description="Makes candidates, and deploys the best if it wins.")
    def candidates(
        output: str,
        run: str,
        shards: list[str],
        dataset: str,
        model: str,
        forced_by: str,
        forced_reason: str,
    ):
        common = {**place(output), "dataset": dataset, "model": model}
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        evaluations = evaluated(sized, output, run, shards, dataset, model)
        chosen = sized(select(**common, evaluations=evaluations, **forced), "select")
        with dsl.If(chosen.output == True):  # noqa: E712 - KFP builds a condition
            sized(deploy(**common), "deploy")

    return candidates


def made_from(
    prepared: dsl.PipelineTask, sized: Sized, candidates_pipeline: Any, *, searched: bool, **given: Any
) -> None:
    """Adds all that follows the data to the pipeline that is being built.

    Args:
        prepared: The task of `data_prep`.
        sized: As `sizer` returns it.
        candidates_pipeline: As `candidates` returns it.
        searched: Whether hyper-parameters are searched for.
        given: The arguments of `candidates_pipeline` that the pipeline has.
    """
    dataset, run = prepared.outputs["dataset"], prepared.outputs["training"]
    model = trained(sized, given["output"], run, dataset, searched=searched)
    candidates_pipeline(run=prepared.outputs["candidates"], dataset=dataset, model=model, **given)


def from_data(sized: Sized, name: str, description: str, *, searched: bool) -> Any:
    """Returns the pipeline from data to a model that is deployed, for `reported`.

    Args:
        sized: As `sizer` returns it.
        name: The pipeline's name.
        description: What it does.
        searched: Whether hyper-parameters are searched for.
    """
    candidates_pipeline = candidates(sized)

    @dsl.pipeline(name=name, description=description)
    def from_data(config: str, output: str, shards: list[str], forced_by: str, forced_reason: str):
        given = {"output": output, "shards": shards, "forced_by": forced_by, "forced_reason": forced_reason}
        prepared = sized(data_prep(**place(output), config=config), "data_prep")
        made_from(prepared, sized, candidates_pipeline, searched=searched, **given)

    return from_data


def reported(sized: Sized, work: Any, name: str, description: str, pipeline: str) -> Any:
    """Returns the pipeline of all tasks, the last of which is the report: it is written whatever happened.

    Args:
        sized: As `sizer` returns it.
        work: All other tasks in one pipeline: the backend would report once for each task that it waits for.
        name: The name that it has on a server.
        description: What it does.
        pipeline: Its name here.
    """

    @dsl.pipeline(name=name, description=description)
    def whole(
        config: str, output: str, shards: list[str] = SHARDS, forced_by: str = "", forced_reason: str = ""
    ):
        """Ships a model within its budget, proven.

        Args:
            config: The resolved config as JSON, or the URI of a file with it.
            output: URI of the directory that holds the runs' directories.
            shards: The parts of the recipes, whose tasks may run at once.
            forced_by: Who wants the outcome deployed whatever the champion is; empty: nobody.
            forced_reason: Why.
        """
        forced = {"forced_by": forced_by, "forced_reason": forced_reason}
        worked = work(config=config, output=output, shards=shards, **forced)
        written = sized(report(**place(output), pipeline=pipeline), "report")
        written.after(worked).ignore_upstream_failure()

    return whole
