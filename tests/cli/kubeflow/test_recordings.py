"""What a real server answered, read right."""

import gzip
import json
from types import SimpleNamespace

import pytest

# What was recorded: the run's state in words, the exit code of what has ended, what a task or the run says.
RECORDED = {
    "deployed-but-frozen": ("SUCCEEDED", 0, {"deploy": "finished", "evaluate 10": "finished"}),
    "one-recipe-frozen": ("SUCCEEDED", 0, {"deploy": "finished"}),
    "scheduled-champion-stays": ("SUCCEEDED", 3, {"compare": "finished"}),
    "scheduled-nothing-new": ("SUCCEEDED", 0, {"check_data": "finished"}),
    "running": ("RUNNING", None, {"train": "finished in 255 s"}),
    "pod-deleted-made-again": ("SUCCEEDED", 0, {"train": "finished in 255 s", "deploy": "finished"}),
    "killed-not-retried": ("FAILED", 1, {"train": "exit code 1", "select": "not reached"}),
    "killed-retried-without-template-defaults": ("SUCCEEDED", 0, {"deploy": "finished"}),
    "cannot-start-gpu": ("CANCELED", 1, {"data_prep": "its pod never started", "train": "not reached"}),
    "cannot-start-nopvc": ("CANCELING", None, {"report": 'persistentvolumeclaim "nowhere" not found'}),
    "cannot-start-nosecret": ("CANCELING", None, {"report": "kubectl describe pod -n kubeflow trimtab-"}),
    "cannot-start-badimage": ("CANCELING", None, {"report": "ErrImagePull", "data_prep": "stopped"}),
    "stopped-while-unschedulable": ("CANCELED", 1, {"data_prep": "stopped", "report": "finished"}),
    "stopped-healthy": ("CANCELED", 1, {"train": "stopped after 49 s", "report": "finished"}),
    "stopped-canceling-for-ever": ("CANCELING", None, {"report": "resources.volume.claim"}),
    "schedule-deleted-while-running": (
        "GONE",
        1,
        {"plan": "finished", "data_prep": "not known after 14 failed attempts (main: Error (exit code 1))"},
    ),
    "bad-config": ("FAILED", 1, {"data_prep": "exit code 1", "tune": "not reached"}),
}


@pytest.fixture
def recorded(root, server):
    """Returns a function that lets the server answer what a real one did, and returns the run's id."""
    directory = root.parent / "shared/cases/kubeflow"
    if not directory.is_dir():
        pytest.skip("the recordings of a real server are not here: ../shared/cases/kubeflow")

    def put(name):
        run, workflow = (
            json.loads(gzip.decompress((directory / f"{name}.{api}.json.gz").read_bytes()))
            for api in ("v2beta1", "v1beta1")
        )
        # Nothing of where it ran is here.
        run["runtime_config"] = {"parameters": {}}
        server.tables["runs"].append(run)
        server.workflows[run["run_id"]] = workflow["pipeline_runtime"]["workflow_manifest"]
        if run.get("recurring_run_id") and name != "schedule-deleted-while-running":
            server.tables["recurringruns"].append({"recurring_run_id": run["recurring_run_id"]})
        return run["run_id"]

    return SimpleNamespace(put=put, read=lambda name: (directory / name).read_bytes())


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_real_server_answered_is_read_right(trimtab, recorded, name):
    state, code, said = RECORDED[name]
    run = recorded.put(name)
    shown = json.loads(trimtab("status", run, "--json")[1])
    assert shown["state"] == state
    assert shown["all_tasks"]
    lines = {line[2:16].strip(): line[17:] for line in trimtab("status", run)[1].splitlines()[1:]}
    for task, words in said.items():
        assert words in lines[task]
    if shown["state"] not in ("RUNNING", "CANCELING"):
        assert not any(line.startswith("waiting") for line in lines.values())
    if code is not None:
        assert trimtab("status", run, "--follow")[0] == code


def test_what_a_real_server_answered_of_schedules_is_listed(trimtab, recorded, server):
    answer = json.loads(gzip.decompress(recorded.read("recurringruns.v2beta1.json.gz")))
    server.tables["recurringruns"] += answer["recurringRuns"]
    out = trimtab("schedule", "list")[1]
    assert [line.split()[0] for line in out.splitlines()] == ["cancer", "failing"]
    assert "every 60 s" in out


def test_an_archived_log_of_a_real_server_is_shown_with_the_stages_lines_first(trimtab, recorded, server):
    run = recorded.put("bad-config")
    log = recorded.read("log-archived.http").partition(b"\r\n\r\n")[2].decode()
    task = "trimtab-optimize-k4x98-metadata-0-2-system-container-impl-2269474201"
    server.logs[task] = log
    out = trimtab("status", run)[1]
    shown = [line.removeprefix("  | ") for line in out.splitlines() if line.startswith("  | ")]
    assert shown[0] == "trimtab | data_prep | started"
    assert shown[1].startswith("trimtab | data_prep | failed: the parameter `config`: data: Field required")
    assert len(shown) == 3
    assert log in trimtab("logs", run, "--task", "data_prep")[1]


def test_what_a_real_server_says_of_a_log_that_is_not_there_is_no_log(trimtab, recorded, server):
    run = recorded.put("deployed-but-frozen")
    body = recorded.read("log-of-no-such-pod.http").partition(b"\r\n\r\n")[2]
    server.fail("/log$", status=200, times=10_000, body=body, headers={"Content-Type": "text/plain"})
    code, out, err = trimtab("logs", run, "--task", "train")
    assert (code, out) == (1, "=== train (succeeded): no log\n")
    pod = "trimtab-optimize-mj5f7-metadata-0-2-system-container-impl-3313477493"
    assert f"kubectl logs -n kubeflow {pod} -c main" in err
    assert f"{pod}/main.log" in err


def test_what_a_real_server_says_to_a_second_stop_is_not_asked_for(trimtab, recorded, server):
    run = recorded.put("stopped-canceling-for-ever")
    body = recorded.read("second-terminate.http").partition(b"\r\n\r\n")[2]
    server.fail("terminate", status=400, times=10_000, body=body)
    code, out, err = trimtab("stop", run)
    assert code == 0
    assert "is being stopped already" in out
    assert f"trimtab stop {run} --force" in err
