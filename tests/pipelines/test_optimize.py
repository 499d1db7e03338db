import json

import pytest
import yaml

ARGUMENTS = {"config": '{"quote": "it\'s"}', "recipes": ["none", "channels-0.5"]}
BEFORE_REPORT = [
    "data_prep",
    "tune",
    "train",
    "prune",
    "prune",
    "shortlist",
    "quantize",
    "quantize",
    "quantize",
    "evaluate",
    "evaluate",
    "evaluate",
    "select",
]


@pytest.fixture
def calls(run_dag):
    """Returns a function that runs the DAG with stand-in stages and returns the calls it made."""

    def run(within="yes", fail=""):
        return run_dag("optimize", ARGUMENTS, WITHIN=within, FAIL=fail)

    return run


def test_every_stage_runs_once_for_each_recipe_and_candidate(calls):
    made = calls()
    assert sorted(made[:-2]) == sorted(BEFORE_REPORT)
    assert made[-2:] == ["deploy", "report"]


def test_nothing_is_deployed_over_the_budget(calls):
    made = calls(within="no")
    assert "deploy" not in made
    assert made[-1] == "report"


@pytest.mark.parametrize(
    "stage", ["data_prep", "train", "prune", "shortlist", "evaluate", "select", "deploy"]
)
def test_the_report_is_written_whatever_fails(calls, stage):
    made = calls(fail=stage)
    assert made[-1] == "report"
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
    assert set(compiled["root"]["inputDefinitions"]["parameters"]) == {"config", "recipes", "output"}


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
        environment={"A": "b"},
        run_as_user=1001,
    )
    compiler.Compiler().compile(build(resources.model_dump()), str(tmp_path / "out.yaml"))
    spec, platform = yaml.safe_load_all((tmp_path / "out.yaml").read_text())
    container = spec["deploymentSpec"]["executors"]["exec-train"]["container"]
    assert container["resources"]["accelerator"]["resourceCount"] == "1"
    assert container["resources"]["resourceMemoryLimit"] == "8Gi"
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
