"""`trimtab status`, `logs` and `stop`."""

import json

import pytest


@pytest.fixture
def failed(server, make_node):
    """Returns a run whose training failed."""
    details = [
        make_node("data-prep", "SUCCEEDED", 1, seconds=12),
        make_node("train", "FAILED", 2, seconds=30),
        make_node("prune", "SKIPPED", 3),
    ]
    server.logs["trimtab-optimize-x7k2p-system-container-impl-1"] = "rows\nread\n"
    server.logs["trimtab-optimize-x7k2p-2"] = "epoch 1\nepoch 2\n"
    return server.add_run("FAILED", display_name="digits-1", run_details={"task_details": details})


def test_the_newest_runs_come_first_over_all_pages(trimtab, server):
    made = [server.add_run("SUCCEEDED")["run_id"] for _ in range(7)]
    code, out, _ = trimtab("status", "--limit", "5")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == made[:1:-1]
    assert len(json.loads(trimtab("status", "--json")[1])) == 7


@pytest.mark.parametrize("runs", [b"3", b'[{"run_id": "a", "created_at": "once"}]'])
def test_an_answer_that_cannot_be_read(trimtab, server, runs):
    server.fail("GET .*/runs$", status=200, body=b'{"runs": %s}' % runs)
    code, out, err = trimtab("status")
    assert (code, out) == (1, "")
    assert "an answer of the server cannot be read" in err


def test_no_more_runs_are_asked_for_than_are_shown(trimtab, server):
    server.page_size = 200
    for _ in range(30):
        server.add_run("SUCCEEDED")
    trimtab("status")
    assert server.answered == 10
    trimtab("status", "--limit", "25")
    assert server.answered == 10 + 30


def test_no_runs(trimtab):
    assert trimtab("status")[:2] == (0, "")
    assert trimtab("status", "--json")[1] == "[]\n"


@pytest.mark.parametrize("key", ["run_id", "display_name"])
def test_the_tasks_of_a_run_and_why_it_failed(trimtab, failed, key):
    code, out, _ = trimtab("status", failed[key])
    assert code == 0
    assert "data_prep      finished in 12 s" in out
    assert "train          failed after 30 s\n" in out
    assert "prune          skipped" in out
    assert "  | epoch 2" in out


def test_tasks_are_numbered_as_they_start(trimtab, server, make_node):
    waiting = {**make_node("prune", "PENDING", 1), "start_time": "1970-01-01T00:00:00Z"}
    details = [waiting, make_node("prune", "RUNNING", 2)]
    run = server.add_run("RUNNING", run_details={"task_details": details})
    out = trimtab("status", run["run_id"])[1]
    assert "prune          started\n  prune 2        waiting\n" in out


def test_a_run_that_has_not_begun_has_no_logs(trimtab, server):
    code, out, err = trimtab("logs", server.add_run("PENDING")["run_id"])
    assert (code, out, err) == (0, "", "no task has begun yet\n")


def test_as_json(trimtab, failed):
    shown = json.loads(trimtab("status", failed["run_id"], "--json")[1])
    assert shown["state"] == "FAILED"
    assert [task["task"] for task in shown["tasks"]] == ["data_prep", "train", "prune"]


def test_as_json_says_why_a_stage_failed(trimtab, failed, tmp_path):
    failed["runtime_config"] = {"parameters": {"output": str(tmp_path)}}
    file = tmp_path / failed["run_id"] / "stages" / "train.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"stage": "train", "error": "the loss is no number", "exit_code": 1}))
    shown = json.loads(trimtab("status", failed["run_id"], "--json")[1])
    assert [task["error"] for task in shown["tasks"]] == [None, "the loss is no number", None]


def test_following_a_run_ends_with_its_verdict(trimtab, failed, server):
    server.script = [{"state": "RUNNING"}, {"state": "RUNNING"}, {"state": "FAILED"}]
    assert trimtab("status", failed["run_id"], "--follow")[0] == 1
    assert trimtab("status", "--follow")[0] == 2


@pytest.mark.parametrize("command", ["status", "logs", "stop"])
@pytest.mark.parametrize("run", ["5f1c9a52-7b1e-4a53-9d0e-3a6b1c2d4e5f", "no-such-name", "../../x"])
def test_there_is_no_such_run(trimtab, command, run):
    code, _, err = trimtab(command, run)
    assert code == 2
    assert f"there is no run {run}" in err


def test_logs_of_all_tasks(trimtab, failed):
    code, out, err = trimtab("logs", "digits-1")
    assert code == 0
    assert "=== data_prep (succeeded)\nrows\nread\n=== train (failed)\nepoch 1\nepoch 2\n" in out
    assert "=== prune (skipped): no log" in out
    assert f"pipeline/runid={failed['run_id']}" in err


def fnv1a(text):
    value = 2_166_136_261
    for byte in text.encode():
        value = (value ^ byte) * 16_777_619 % 2**32
    return value


def test_the_log_of_a_task_that_was_retried_is_that_of_its_last_attempt(trimtab, server, make_node):
    name = "trimtab-optimize-x7k2p.root.optimization.train.executor"
    first, last = (fnv1a(f"{name}({attempt})") for attempt in (0, 1))
    details = [
        make_node("train", "SUCCEEDED", 1, seconds=30, children=(fnv1a(name),)),
        make_node("executor", "SUCCEEDED", 2, children=(first, last)),
        make_node("executor(0)", "FAILED", 3, children=()),
        make_node("executor(1)", "SUCCEEDED", 4, children=()),
    ]
    run = server.add_run("SUCCEEDED", run_details={"task_details": details})
    pod = "trimtab-optimize-x7k2p-metadata-0-2-retry-system-container-impl"
    server.logs[f"{pod}-{first}"] = "epoch 1\n"
    server.logs[f"{pod}-{last}"] = "epoch 2\n"
    assert trimtab("logs", run["run_id"], "--task", "train")[:2] == (0, "=== train (succeeded)\nepoch 2\n")
    del server.logs[f"{pod}-{last}"]
    assert trimtab("logs", run["run_id"], "--task", "train")[1].endswith("epoch 1\n")


def test_a_page_to_log_in_is_no_log(trimtab, failed, server):
    page = {"body": b"<html>Log in</html>", "headers": {"Content-Type": "text/html; charset=utf-8"}}
    server.fail("/log$", status=200, times=10_000, **page)
    code, out, _ = trimtab("logs", "digits-1", "--task", "train")
    assert (code, out) == (1, "=== train (failed): no log\n")


def test_names_are_not_compared_as_the_server_does(trimtab, server):
    for name in ("Digits", "digits + 1"):
        server.add_run("SUCCEEDED", display_name=name)
    assert trimtab("status", "digits")[0] == 2
    assert "digits + 1  SUCCEEDED" in trimtab("status", "digits + 1")[1]


def test_logs_of_one_task(trimtab, failed):
    assert trimtab("logs", "digits-1", "--task", "data-prep", "--tail", "1")[1].endswith("\nread\n")
    code, _, err = trimtab("logs", "digits-1", "--task", "tune")
    assert code == 2
    assert "It has: data_prep, train, prune." in err
    assert trimtab("logs", "digits-1", "--task", "prune")[0] == 1


def test_stop(trimtab, server):
    run = server.add_run("RUNNING")
    server.fail("terminate", status=503)
    code, out, _ = trimtab("stop", run["run_id"])
    assert (code, out) == (0, f"{run['run_id']} is being stopped\n")
    assert run["state"] == "CANCELING"


def test_a_run_that_has_ended_is_not_stopped(trimtab, failed, server):
    assert "has ended already: failed" in trimtab("stop", failed["run_id"])[1]
    assert not server.count("terminate")


def test_a_task_that_the_workflow_left_out(trimtab, server, make_node):
    details = [make_node("deploy", "RUNTIME_STATE_UNSPECIFIED", 1)]
    run = server.add_run("FAILED", run_details={"task_details": details})
    assert "deploy         not reached" in trimtab("status", run["run_id"])[1]
