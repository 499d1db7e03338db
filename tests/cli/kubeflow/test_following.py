"""A run on Kubeflow that is followed to its end."""

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from cli.kubeflow.fake_kfp import OUTPUT
from faults.proxy import wait_until

from trimtab.cli.kubeflow import connection
from trimtab.storage.store import open_store


def test_it_is_followed_to_a_verdict(run, server, make_node):
    train = make_node("train", "RUNNING", 3)
    server.script = [
        {"state": "PENDING"},
        {
            "state": "RUNNING",
            "run_details": {"task_details": [make_node("root-driver", "SUCCEEDED", 1), train]},
        },
        {
            "state": "SUCCEEDED",
            "run_details": {
                "task_details": [
                    make_node("executor", "SUCCEEDED", 4),
                    make_node("prune", "SUCCEEDED", 5, seconds=7),
                    make_node("train", "SUCCEEDED", 3, seconds=41),
                    make_node("prune", "SUCCEEDED", 6, seconds=9),
                    make_node("deploy", "SUCCEEDED", 9, seconds=2),
                ]
            },
        },
    ]
    code, _, err = run()
    assert code == 0
    shown = [line.split(maxsplit=1)[1] for line in err.splitlines() if line.startswith("  0:")]
    assert [" ".join(line.split()) for line in shown] == [
        "train started",
        "train finished in 41 s",
        "prune finished in 7 s",
        "prune 2 finished in 9 s",
        "deploy finished in 2 s",
        "run succeeded",
    ]


def test_a_run_that_deployed_nothing_ends_with_3(run, server, make_node):
    server.script = [
        {
            "state": "SUCCEEDED",
            "run_details": {"task_details": [make_node("select", "SUCCEEDED", 8, seconds=1)]},
        }
    ]
    assert run()[0] == 3


def test_a_failed_task_shows_its_reason_and_the_end_of_its_log(run, server, make_node):
    server.logs["trimtab-optimize-x7k2p-system-container-impl-3"] = "\n".join(
        f"line {number}" for number in range(50)
    )
    failed = make_node("train", "FAILED", 3, seconds=5)
    gone = make_node("prune-driver", "FAILED", 4)
    server.script = [{"state": "FAILED", "run_details": {"task_details": [failed, gone]}}]
    code, out, err = run()
    assert (code, out) == (1, "")
    assert "train: the server does not say why" in err
    assert "  | line 49" in err
    assert "line 29\n" not in err
    assert "prune: the server does not say why" in err
    assert "kubectl logs -n kubeflow -l pipeline/runid=" in err


@pytest.mark.parametrize(("status", "expected"), [("deployed", 0), ("over_budget", 3)])
def test_the_result_is_read_where_the_volume_is_mounted_here_too(
    run, server, on_volume, status, expected, monkeypatch
):
    def finish():
        made = server.tables["runs"][-1]
        directory = on_volume / made["run_id"]
        directory.mkdir(parents=True, exist_ok=True)
        result = {
            "run_id": made["run_id"],
            "status": status,
            "verdict": "the words of the verdict",
            "config": {},
        }
        (directory / "result.json").write_text(json.dumps(result))

    before = type(server).answer

    def answer(self, method, path, *rest):
        if method == "GET" and "/runs/" in path:
            finish()
        return before(self, method, path, *rest)

    monkeypatch.setattr(type(server), "answer", answer)
    server.script = [{"state": "SUCCEEDED"}]
    code, out, err = run("--json", output=on_volume)
    assert code == expected, err
    assert json.loads(out)["verdict"] == "the words of the verdict"


def test_a_stage_says_why_it_failed_and_gives_its_exit_code(run, server, on_volume, make_node, monkeypatch):
    failed = make_node("data-prep", "FAILED", 3, seconds=5)
    before = type(server).answer

    def answer(self, method, path, *rest):
        if method == "GET" and "/runs/" in path:
            directory = on_volume / server.tables["runs"][-1]["run_id"] / "stages"
            directory.mkdir(parents=True)
            error = {"stage": "data_prep", "error": "rows.csv: no label column y", "exit_code": 2}
            (directory / "data_prep.json").write_text(json.dumps(error))
            told = {"stage": "data_prep", "type": "DataError", "message": "no label", "exit_code": 2}
            result = {"run_id": "x", "status": "failed", "verdict": "v", "config": {}, "errors": [told]}
            (directory.parent / "result.json").write_text(json.dumps(result))
        return before(self, method, path, *rest)

    monkeypatch.setattr(type(server), "answer", answer)
    server.script = [{"state": "FAILED", "run_details": {"task_details": [failed]}}]
    code, _, err = run(output=on_volume)
    assert code == 2
    assert "data_prep: rows.csv: no label column y" in err


def test_a_verdict_is_told_where_logs_may_not_be_read(run, server, make_node):
    details = [make_node("train", "FAILED", 3, seconds=5)]
    server.script = [{"state": "FAILED", "run_details": {"task_details": details}}]
    server.fail("/log$", status=403, times=10_000)
    code, _, err = run()
    assert code == 1
    assert "train: the server does not say why" in err
    assert "kubectl logs" in err


def test_ctrl_c_leaves_the_run_going(server, config, make_node):
    server.script = [
        {"state": "RUNNING", "run_details": {"task_details": [make_node("train", "RUNNING", 3)]}}
    ]
    arguments = ["run", str(config), "--runner", "kubeflow", "--output", OUTPUT, "--host", server.url]
    process = subprocess.Popen(
        [sys.executable, "-m", "trimtab", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background lets them, and what they start, ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: server.count("GET .*/runs/"), 60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    identifier = server.tables["runs"][0]["run_id"]
    assert process.returncode == 130
    assert f"trimtab stop {identifier}" in err
    assert f"trimtab status {identifier} --follow" in err
    assert "Traceback" not in err
    assert not server.count(":terminate")


def test_nothing_is_known_of_a_run_whose_tasks_the_server_does_not_list(run, server):
    server.script = [{"state": "SUCCEEDED"}]
    code, _, err = run()
    assert code == 69
    assert "it is not known whether a model was deployed" in err


def test_the_result_is_read_from_cloud_storage(run, server, emulator, monkeypatch):
    before = type(server).answer

    def answer(self, method, path, *rest):
        if method == "GET" and "/runs/" in path:
            made = server.tables["runs"][-1]["run_id"]
            result = {"run_id": made, "status": "over_budget", "verdict": "in the cloud", "config": {}}
            open_store(f"{OUTPUT}/{made}").write("result.json", json.dumps(result).encode())
        return before(self, method, path, *rest)

    monkeypatch.setattr(type(server), "answer", answer)
    # Writing to the emulator from within the answer takes longer than the tests' patience.
    monkeypatch.setattr(connection, "PATIENCE", replace(connection.PATIENCE, read=20.0))
    server.script = [{"state": "SUCCEEDED"}]
    code, out, err = run("--json")
    assert code == 3, err
    assert json.loads(out)["verdict"] == "in the cloud"


def test_the_follower_survives_a_server_that_restarts(run, server):
    server.script = [{"state": "RUNNING"}, {"state": "RUNNING"}, {"state": "FAILED"}]
    server.fail(r"GET .*/runs/", status=503, times=3)
    server.fail(r"GET .*/runs/", times=2)
    assert run()[0] == 1
    assert server.script == []


def test_a_run_that_is_deleted_does_not_go_on(run, server):
    said = b'{"error":"Run not found","code":5,"message":"ResourceNotFoundError: Run not found"}'
    server.fail(r"GET .*/runs/", status=404, times=10_000, body=said)
    code, _, err = run()
    assert code == 2
    assert "was deleted" in err
    assert "goes on" not in err


def test_a_follower_that_gives_up_says_that_the_run_goes_on(run, server):
    server.fail(r"GET .*/runs/", status=502, times=10_000)
    code, _, err = run()
    assert code == 1
    assert "the server keeps failing (502): the database is away" in err
    assert "goroutine" not in err
    assert f"trimtab status {server.tables['runs'][0]['run_id']} --follow" in err


def test_a_token_that_expires_is_read_again_from_its_file(run, server, tmp_path, monkeypatch, make_node):
    file = tmp_path / "token"
    file.write_text("first\n")
    server.tokens = {"first"}
    done = {"task_details": [make_node("select", "SUCCEEDED", 8, seconds=1)]}
    server.script = [{"state": "RUNNING"}, {"state": "RUNNING"}, {"state": "SUCCEEDED", "run_details": done}]
    before = type(server).answer

    def answer(self, method, path, *rest):
        if method == "GET" and "/runs/" in path and server.tokens == {"first"}:
            server.tokens = {"second"}
            threading.Timer(0.2, file.write_text, ["second\n"]).start()
        return before(self, method, path, *rest)

    monkeypatch.setattr(type(server), "answer", answer)
    code, _, err = run("--token-file", file)
    assert code == 3, err
    assert "run                           succeeded" in err
    assert server.count("GET .*/runs/") > 3  # some were refused meanwhile


def test_a_token_file_may_be_away_while_it_is_replaced(run, server, tmp_path, monkeypatch):
    file = tmp_path / "token"
    file.write_text("first\n")
    server.script = [{"state": "RUNNING"}, {"state": "FAILED"}]
    before = type(server).answer

    def answer(self, method, path, *rest):
        if method == "GET" and "/runs/" in path and len(server.script) == 2:
            file.unlink()
            threading.Timer(0.2, file.write_text, ["first\n"]).start()
        return before(self, method, path, *rest)

    monkeypatch.setattr(type(server), "answer", answer)
    code, _, err = run("--token-file", file)
    assert code == 1
    assert "run                           failed" in err


def test_a_token_that_expires_for_good_ends_the_following_and_is_never_shown(run, server, monkeypatch):
    server.tokens = {"s3cret-token"}
    monkeypatch.setenv("TRIMTAB_KFP_TOKEN", "s3cret-token")
    server.fail(r"GET .*/runs/", status=401, times=10_000, body=b'{"message":"Unauthenticated"}')
    code, out, err = run()
    assert code == 1
    assert "the login is missing or has expired: Unauthenticated" in err
    assert "Log in again" in err
    assert "goes on" in err
    assert "s3cret" not in out + err
