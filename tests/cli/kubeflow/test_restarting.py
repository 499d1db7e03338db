"""A run of which a pod was killed is started again, and goes on; one that failed by itself is not."""

from __future__ import annotations

import gzip
import json

import pytest

from trimtab.artifacts.record import StageRecord
from trimtab.cli.kubeflow.restarting import _was_killed
from trimtab.storage.store import open_store

CUT_OFF = StageRecord(stage="train", ended=False)
FAILED = StageRecord(stage="train", ended=True, error="a loss that is no number", exit_code=1)
PREEMPTED = StageRecord(stage="train", ended=True, error="it was told to stop", exit_code=75)
DONE = StageRecord(stage="train", ended=True, ok=True)


@pytest.mark.parametrize(
    ("records", "said", "expected"),
    [
        ([CUT_OFF], "main: Error (exit code 1)", True),
        ([PREEMPTED], "main: Error (exit code 1)", True),
        ([FAILED], "main: Error (exit code 1)", False),
        ([CUT_OFF, FAILED], "main: Error (exit code 137)", False),
        ([], "main: Error (exit code 1)", False),
        ([], "main: Error (exit code 137)", True),
        ([DONE], "OOMKilled (exit code 137)", True),
        ([], "pod deleted", True),
        ([], "The node was low on resource: memory.", True),
        ([], "its pod never started: Unschedulable: 0/1 nodes are available", False),
        ([], "main: Error (exit code 2)", False),
        ([], "Pod was terminated in response to imminent node shutdown.", True),
        ([], "its pod never started: Unschedulable: no room. preemption: not helpful", False),
        ([], "Pod was active on the node longer than the specified deadline", False),
    ],
)
def test_what_counts_as_killed(records, said, expected):
    assert _was_killed(records, said) is expected


@pytest.fixture
def recorded(root):
    """Returns a function that reads what a real server answered, as of a run below an output directory."""
    directory = root.parent / "shared/cases/kubeflow"
    if not directory.is_dir():
        pytest.skip("the recordings of a real server are not here: ../shared/cases/kubeflow")

    def read(name, output, server):
        run, workflow = (
            json.loads(gzip.decompress((directory / f"{name}.{api}.json.gz").read_bytes()))
            for api in ("v2beta1", "v1beta1")
        )
        run["runtime_config"] = {"parameters": {"output": str(output)}}
        server.tables["runs"].append(run)
        server.workflows[run["run_id"]] = workflow["pipeline_runtime"]["workflow_manifest"]
        return run["run_id"]

    return read


@pytest.mark.parametrize(
    ("record", "says"), [(CUT_OFF, "train was killed. The same command with --resume"), (FAILED, None)]
)
def test_a_real_run_whose_process_was_killed_is_told(trimtab, server, recorded, tmp_path, record, says):
    run = recorded("killed-not-retried", tmp_path, server)
    open_store(str(tmp_path / run)).write(record.name, record.model_dump_json().encode())
    code, _, err = trimtab("status", run, "--follow")
    assert code == 1
    assert (f"{says} {run}" in err) if says else ("was killed" not in err)


@pytest.mark.parametrize("name", ["bad-config", "stopped-healthy", "deployed-but-frozen"])
def test_real_runs_that_were_not_killed(trimtab, server, recorded, tmp_path, name):
    run = recorded(name, tmp_path, server)
    assert "killed" not in trimtab("status", run, "--follow")[2]


def ends(server, make_node, *errors):
    """Lets runs end one after the other: train killed with each message; None: all is well."""
    server.script = []
    for message in errors:
        if message is None:
            details = [make_node("deploy", "SUCCEEDED", 3, seconds=5)]
            server.script.append({"state": "SUCCEEDED", "run_details": {"task_details": details}})
        else:
            details = [{**make_node("train", "FAILED", 3, seconds=5), "error": {"message": message}}]
            server.script.append({"state": "FAILED", "run_details": {"task_details": details}})


def goes_on_from(server):
    return [
        json.loads(made["runtime_config"]["parameters"]["config"]).get("kubeflow", {}).get("resume")
        for made in server.tables["runs"]
    ]


KILLED = "main: Error (exit code 137)"


def test_a_killed_run_is_started_again_and_goes_on(run, server, make_node):
    ends(server, make_node, KILLED, None)
    code, _, err = run("--set", "kubeflow.restarts=2")
    assert code == 0, err
    first, second = (made["run_id"] for made in server.tables["runs"])
    assert f"train was killed: starting again from {first}, 1 of 2" in err
    assert goes_on_from(server) == [None, first]
    assert second in err


def test_as_often_as_it_says(run, server, make_node):
    ends(server, make_node, KILLED, KILLED, KILLED)
    code, _, err = run("--set", "kubeflow.restarts=1")
    assert code == 1
    first, second = (made["run_id"] for made in server.tables["runs"])
    assert goes_on_from(server) == [None, first]
    assert f"train was killed. The same command with --resume {second} goes on from there" in err


@pytest.mark.parametrize(
    ("options", "message"), [(["--set", "kubeflow.restarts=2"], "main: Error (exit code 2)"), ([], KILLED)]
)
def test_what_is_not_started_again(run, server, make_node, options, message):
    ends(server, make_node, message)
    assert run(*options)[0] == 1
    assert len(server.tables["runs"]) == 1


def test_a_person_lets_it_go_on(run, server):
    assert run("--no-wait", "--resume", "earlier-run")[0] == 0
    assert goes_on_from(server) == ["earlier-run"]
