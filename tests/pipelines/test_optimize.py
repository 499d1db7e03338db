import json

import pytest
import yaml

CONFIG = '{"quote": "it\'s"}'
ARGUMENTS = {"config": CONFIG}
LOOP = ("prune", "quantize", "evaluate")


@pytest.fixture
def calls(run_dag):
    """Returns a function that runs the DAG with stand-in stages and returns the calls it made."""

    def run(better="yes", fail="", **arguments):
        return run_dag("optimize", {**ARGUMENTS, **arguments}, WITHIN="yes", BETTER=better, FAIL=fail)

    return run


@pytest.mark.parametrize("shards", [None, ["1/1"], ["1/3", "2/3", "3/3"]])
def test_every_stage_runs_once_and_in_the_loop_once_for_each_shard(calls, given, shards):
    made = calls(**({"shards": shards} if shards else {}))
    count = len(shards or ["1/2", "2/2"])
    assert made[:3] == ["data_prep", "tune", "train"]
    assert sorted(made[3:-4]) == sorted(LOOP * count)
    assert made[-4:] == ["select", "compare", "deploy", "report"]  # the first two in one task
    for stage in LOOP:
        assert sorted(one["shard"] for one in given(stage)) == (shards or ["1/2", "2/2"])


def test_every_task_gets_the_keys_of_what_it_reads_and_only_the_first_the_config(calls, given):
    calls()
    assert [one["config"] for one in given("data_prep")] == [CONFIG]
    for stage in ("tune", "train", *LOOP, "select", "compare", "deploy", "report"):
        for arguments in given(stage):
            assert "config" not in arguments
            assert arguments.get("dataset") == (None if stage == "report" else "dataset/0")
    assert [one["hyperparameters"] for one in given("train")] == ["hyperparameters/0"]
    for stage in ("prune", "select", "deploy"):
        assert {one["model"] for one in given(stage)} == {"model/0"}
    assert {one["shard"]: one["pruned"] for one in given("quantize")} == {
        "1/2": "pruned/1/2",
        "2/2": "pruned/2/2",
    }
    assert {one["shard"]: one["quantized"] for one in given("evaluate")} == {
        "1/2": "quantized/1/2",
        "2/2": "quantized/2/2",
    }
    assert [one["evaluations"] for one in given("select")] == [["evaluation/1/2", "evaluation/2/2"]]
    assert [one["pipeline"] for one in given("report")] == ["optimize"]


def test_nothing_is_deployed_that_has_not_won(calls):
    assert calls(better="no")[-3:] == ["select", "compare", "report"]


def test_who_forces_it_and_why_reach_the_comparison(calls, given):
    calls(forced_by="ada@lab", forced_reason="a new label")
    (compared,) = given("compare")
    assert (compared["forced_by"], compared["forced_reason"]) == ("ada@lab", "a new label")


@pytest.mark.parametrize(
    "stage",
    ["data_prep", "train", "prune", "prune 1/2", "quantize 2/2", "evaluate", "select", "compare", "deploy"],
)
def test_the_report_is_written_whatever_fails(calls, stage):
    made = calls(fail=stage)
    stage, _, shard = stage.partition(" ")
    assert made[-1] == "report"
    assert not shard or "select" not in made
    assert made.index("report") > max(index for index, name in enumerate(made) if name == stage)


def test_the_compiled_pipeline_avoids_what_the_backend_cannot_do(root):
    compiled = next(yaml.safe_load_all((root / "pipelines" / "optimize.yaml").read_text()))
    assert not [name for name in compiled["components"] if "exit-handler" in name]
    nested = [
        name
        for name, component in compiled["components"].items()
        if "for-loop" in name
        and any("iterator" in json.dumps(task) for task in component["dag"]["tasks"].values())
    ]
    assert nested == []


def test_one_pipeline_serves_every_config(root):
    compiled = next(yaml.safe_load_all((root / "pipelines" / "optimize.yaml").read_text()))
    forced = {"forced_by", "forced_reason"}
    assert set(compiled["root"]["inputDefinitions"]["parameters"]) == {"config", "shards", "output", *forced}


def test_pods_wait_in_the_queue_that_is_named(tmp_path):
    from kfp import compiler

    from pipelines.optimize import build
    from trimtab.cli.kubeflow import runs
    from trimtab.config.resources import Resources

    resources = Resources(queue="team-a", priority="low").model_dump()
    compiler.Compiler().compile(build(resources), str(tmp_path / "out.yaml"))
    _, platform = yaml.safe_load_all((tmp_path / "out.yaml").read_text())
    for one in platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
        labels = one["podMetadata"]["labels"]
        assert labels["kueue.x-k8s.io/queue-name"] == "team-a"
        assert labels["kueue.x-k8s.io/priority-class"] == "low"
        assert f"metadata-0-{len(labels)}-system-container-impl" in runs._TEMPLATES


def test_resources_reach_the_pods(tmp_path):
    from kfp import compiler

    from pipelines.optimize import build
    from trimtab.config.resources import Resources

    train = {
        "cpu": "4",
        "memory": "8Gi",
        "accelerator_count": 1,
        "node_selector": {"pool": "gpu"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "shared_memory": "2Gi",
        "timeout_s": 3600,
        "retries": 2,
    }
    resources = Resources(
        stages={"train": train},
        volume={"claim": "runs"},
        google_credentials_secret="gcp",
        s3_credentials_secret="mlpipeline-minio-artifact",
        environment={"A": "b"},
        run_as_user=1001,
    )
    compiler.Compiler().compile(build(resources.model_dump()), str(tmp_path / "out.yaml"))
    spec, platform = yaml.safe_load_all((tmp_path / "out.yaml").read_text())
    container = spec["deploymentSpec"]["executors"]["exec-train"]["container"]
    assert container["resources"]["accelerator"]["resourceCount"] == "1"
    assert container["resources"]["resourceMemoryLimit"] == "8Gi"
    assert {"name": "TRIMTAB_RETRIES", "value": "2"} in container["env"]
    retry = spec["components"]["comp-optimization"]["dag"]["tasks"]["train"]["retryPolicy"]
    assert retry["maxRetryCount"] == 2
    # Argo stops retries, and a running one, at the end of this time.
    assert int(retry["backoffMaxDuration"].removesuffix("s")) > 7 * 24 * 3600
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    train, evaluate = executors["exec-train"], executors["exec-evaluate"]
    assert train["nodeSelector"]["labels"] == {"pool": "gpu"}
    assert train["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert train["emptyDirMounts"][0]["mountPath"] == "/dev/shm"
    assert train["activeDeadlineSeconds"] == "3600"
    assert "nodeSelector" not in evaluate
    for one in executors.values():
        assert one["securityContext"] == {"runAsUser": "1001", "runAsNonRoot": True}
        assert one["pvcMount"][0]["mountPath"] == "/trimtab"
        assert one["secretAsVolume"][0]["mountPath"].endswith("trimtab-gcp")
        (secret,) = one["secretAsEnv"]
        assert secret["secretName"] == "mlpipeline-minio-artifact"
        assert {key["secretKey"]: key["envVar"] for key in secret["keyToEnv"]} == {
            "accesskey": "AWS_ACCESS_KEY_ID",
            "secretkey": "AWS_SECRET_ACCESS_KEY",
        }
