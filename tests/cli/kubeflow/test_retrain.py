"""`trimtab retrain --runner kubeflow`: the same options and the same server as `trimtab run`."""

import getpass
import json

import pytest
import yaml


@pytest.fixture
def retrain(trimtab, config):
    """Returns a function that submits a retraining of the config."""

    def start(*options):
        where = ("--runner", "kubeflow", "--output", "gs://bucket/runs/")
        return trimtab("retrain", config, *where, *options)

    return start


def arguments(server):
    return server.tables["runs"][-1]["runtime_config"]["parameters"]


def test_a_run_of_the_retrain_pipeline_is_created(retrain, server):
    code, _, err = retrain("--no-wait")
    assert code == 0, err
    assert [one["display_name"] for one in server.tables["pipelines"]] == ["trimtab-retrain"]
    sent = arguments(server)
    assert set(sent) == {"config", "output", "shards", "forced_by", "forced_reason"}
    assert (sent["output"], sent["forced_by"], sent["forced_reason"]) == ("gs://bucket/runs", "", "")
    assert json.loads(sent["config"])["deploy"]["target"] == "gs://bucket/runs/deployed/tiny"


def test_force_travels_with_who_and_why(retrain, server):
    code, _, err = retrain("--no-wait", "--force", "--reason", "it's {{wrong}}")
    assert code == 0, err
    sent = arguments(server)
    assert sent["forced_by"].startswith(f"{getpass.getuser()}@")
    # Argo would take two opening braces for a reference of its own.
    assert sent["forced_reason"] == "it's { {wrong}}"


@pytest.mark.parametrize("options", [["--force"], ["--reason", "why"], ["--force", "--reason", " "]])
def test_force_and_reason_come_together(retrain, server, options):
    code, _, err = retrain(*options)
    assert code == 2
    assert "--force needs --reason" in err
    assert server.calls == []


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (["check-data", "report"], 0),
        (["check-data", "plan", "train", "select", "report"], 3),
        (["check-data", "plan", "train", "select", "deploy", "report"], 0),
    ],
)
def test_the_exit_code_follows_the_tasks_where_the_result_cannot_be_read(
    retrain, server, make_node, tasks, expected
):
    nodes = [make_node(name, "SUCCEEDED", number, seconds=1) for number, name in enumerate(tasks)]
    server.script = [{"state": "SUCCEEDED", "run_details": {"task_details": nodes}}]
    assert retrain()[0] == expected


def test_the_committed_pipeline_is_what_is_compiled(trimtab, tmp_path, root):
    file = tmp_path / "pipeline.yaml"
    assert trimtab("compile", "--pipeline", "retrain", "--output", file)[0] == 0
    assert file.read_text() == (root / "pipelines" / "retrain.yaml").read_text()


def test_resources_of_its_own_stages_reach_the_pods(trimtab, tmp_path, config):
    stages = "{check_data: {memory: 1Gi}, plan: {cpu: '1'}, select: {node_selector: {pool: serving}}}"
    config.write_text(f"{config.read_text()}resources: {{stages: {stages}}}\n")
    file = tmp_path / "pipeline.yaml"
    assert trimtab("compile", config, "--pipeline", "retrain", "--output", file)[0] == 0
    spec, platform = yaml.safe_load_all(file.read_text())
    executors = spec["deploymentSpec"]["executors"]
    assert executors["exec-check-data"]["container"]["resources"]["resourceMemoryLimit"] == "1Gi"
    assert executors["exec-plan"]["container"]["resources"]["resourceCpuLimit"] == "1"
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert pods["exec-select"]["nodeSelector"]["labels"] == {"pool": "serving"}
