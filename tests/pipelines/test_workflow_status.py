"""What a run costs on Kubeflow: past 1 MB of status its API goes blind, and a pod takes twelve seconds."""

import json
from pathlib import Path

import pytest
import yaml
from kfp import dsl
from kfp.compiler import Compiler
from kfp.dsl import HTML, Artifact, Input, Output
from workflow_status import EXAMPLES, estimate

from trimtab.cli.config_argument import INLINE_BYTES

IN_PYTHON = {"base_image": "python:3.11", "install_kfp_package": False}


@dsl.component(**IN_PYTHON)
def first(config: str, output: str, run_id: str, dataset: Output[Artifact]):
    Path(dataset.path).write_text(config)


@dsl.component(**IN_PYTHON)
def middle(
    output: str,
    run_id: str,
    shard: str,
    dataset: Input[Artifact],
    model: Input[Artifact],
    made: Output[Artifact],
):
    Path(made.path).write_text("content")


@dsl.component(**IN_PYTHON)
def choose(
    output: str, run_id: str, dataset: Input[Artifact], made: Input[list[Artifact]], chosen: Output[Artifact]
) -> bool:
    Path(chosen.path).write_text("content")
    return True


@dsl.component(**IN_PYTHON)
def last(output: str, run_id: str, html: Output[HTML]):
    Path(html.path).write_text("<p></p>")


@pytest.fixture
def skeleton(tmp_path):
    """Returns the pipeline that was measured, as far as it was described: its tasks handed artifacts on."""

    def place(output):
        return {"output": output, "run_id": dsl.PIPELINE_JOB_ID_PLACEHOLDER}

    @dsl.pipeline
    def work(config: str, output: str, shards: list[str]):
        common, shard = place(output), {"shard": "-"}
        dataset = first(**common, config=config).output
        tuned = middle(**common, **shard, dataset=dataset, model=dataset)
        model = middle(**common, **shard, dataset=dataset, model=tuned.output).output
        with dsl.ParallelFor(shards) as one:
            for _ in range(3):
                model = middle(**common, shard=one, dataset=dataset, model=model).output
        chosen = choose(**common, dataset=dataset, made=dsl.Collected(model))
        with dsl.If(chosen.outputs["Output"] == True):  # noqa: E712 - KFP builds a condition
            middle(**common, **shard, dataset=dataset, model=chosen.outputs["chosen"])

    @dsl.pipeline
    def whole(config: str, output: str, shards: list[str]):
        worked = work(config=config, output=output, shards=shards)
        last(**place(output)).after(worked).ignore_upstream_failure()

    Compiler().compile(whole, str(tmp_path / "skeleton.yaml"))
    return next(yaml.safe_load_all((tmp_path / "skeleton.yaml").read_text()))


@pytest.mark.parametrize(
    ("shards", "tasks", "pods", "nodes", "kilobytes"),
    [(1, 9, 23, 81, 426), (2, 12, 30, 105, 579), (4, 18, 44, 153, 886)],
)
def test_the_estimate_is_what_was_measured(skeleton, shards, tasks, pods, nodes, kilobytes):
    run = estimate(skeleton, shards)
    assert (len(run.tasks), run.pods, run.nodes) == (tasks, pods, nodes)
    assert run.bytes / 1000 == pytest.approx(kilobytes, rel=0.1)


@pytest.fixture
def committed(root):
    """Returns a function from a pipeline's name to how it is compiled."""
    return lambda name: next(yaml.safe_load_all((root / "pipelines" / f"{name}.yaml").read_text()))


@pytest.mark.parametrize(
    ("name", "tasks", "pods"), [("optimize", 12, 31), ("retrain", 14, 36), ("compress", 11, 29)]
)
def test_what_two_shards_cost(committed, name, tasks, pods, monkeypatch):
    monkeypatch.setitem(EXAMPLES, "config", json.dumps({"config": "x" * (INLINE_BYTES - 20)}))
    run = estimate(committed(name), 2)
    for task, size in run.tasks:
        print(f"{task:<12} {size / 1000:5.1f} kB")
    print(f"{name}: {len(run.tasks)} tasks, {run.pods} pods, {run.nodes} nodes, {run.bytes / 1000:.0f} kB")
    assert (len(run.tasks), run.pods) == (tasks, pods)
    with_config, *others = sorted((size for _, size in run.tasks), reverse=True)
    assert max(others) <= 45_000
    assert with_config <= 45_000
    assert run.bytes < 700_000
