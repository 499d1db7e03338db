"""`trimtab run --runner kubeflow`, from the compiled pipeline to the verdict."""

import hashlib
import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
import yaml
from faults.proxy import wait_until

from trimtab.cli.kubeflow import connection
from trimtab.config.config import Config
from trimtab.storage.store import open_store

OUTPUT = "gs://bucket/runs"


@pytest.fixture
def run(trimtab, config):
    """Returns a function that runs the config on the server."""

    def start(*options, output=OUTPUT):
        return trimtab("run", config, "--runner", "kubeflow", "--output", output, *options)

    return start


@pytest.fixture
def on_volume(config, tmp_path):
    """Returns an output directory on the volume of the pods, which this machine mounts too."""
    volume = tmp_path / "volume"
    text = config.read_text().replace("gs://bucket/rows.csv", f"{volume}/rows.csv")
    config.write_text(f"{text}resources: {{volume: {{claim: runs, mount_path: {volume}}}}}\n")
    return volume / "runs"


def test_a_run_is_created_with_everything_it_needs(run, server):
    code, out, err = run("--no-wait")
    assert code == 0, err
    (made,) = server.tables["runs"]
    assert out == f"{made['run_id']}\n"
    assert f"{server.url}/#/runs/details/{made['run_id']}" in err
    arguments = made["runtime_config"]["parameters"]
    assert arguments["shards"] == ["1/2", "2/2"]
    assert arguments["output"] == OUTPUT
    resolved = json.loads(arguments["config"])
    assert resolved["name"] == "tiny"
    assert resolved["deploy"]["target"] == "gs://bucket/runs/deployed/tiny"
    assert server.tables["experiments"][0]["display_name"] == "tiny"


def contexts(package):
    """Returns the security contexts of a package's executors."""
    _, platform = yaml.safe_load_all(package)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    return [executor.get("securityContext") for executor in executors]


def test_pods_are_checked_not_to_be_root(run, server):
    assert run("--no-wait")[0] == 0
    found = contexts(server.packages[-1])
    assert found == [{"runAsNonRoot": True, "runAsUser": "1000"}] * len(found)


def test_an_old_server_gets_no_security_context_and_that_is_said(run, server):
    server.knows_security_contexts = False
    code, _, err = run("--no-wait")
    assert code == 0, err
    assert "takes no security context" in err
    assert server.count("POST .*/runs$") == 2  # it is not asked again for what it refuses
    (made,) = server.tables["runs"]
    assert (
        made["pipeline_version_reference"]["pipeline_version_id"]
        == server.versions[-1]["pipeline_version_id"]
    )
    assert set(contexts(server.packages[-1])) == {None}


def test_the_version_is_named_by_its_content_and_uploaded_once(run, server):
    assert run("--no-wait")[0] == 0
    assert run("--no-wait", "--set", "train.epochs=3")[0] == 0
    assert [one["display_name"] for one in server.tables["pipelines"]] == ["trimtab-optimize"]
    assert (
        [one["display_name"] for one in server.versions]
        == [
            "trimtab-optimize",  # which the server makes with the pipeline
            hashlib.sha256(server.packages[-1]).hexdigest()[:16],
        ]
    )
    assert run("--no-wait", "--set", "resources.stages.train.cpu='2'")[0] == 0
    assert len(server.versions) == 3
    assert len(server.tables["runs"]) == 3


def test_the_version_is_found_beyond_the_first_page(run, server):
    assert run("--no-wait")[0] == 0
    server.page_size = 1
    for table, extra in ((server.tables["pipelines"], {}), (server.versions, server.versions[0])):
        table.insert(0, {**table[0], **extra, "display_name": "another"})
    assert run("--no-wait")[0] == 0
    assert server.count("POST .*/upload") == 2


def test_the_image_goes_to_every_task(run, server):
    image = f"registry.example/trimtab@sha256:{'0' * 64}"
    assert run("--no-wait", "--image", image)[0] == 0
    spec = next(yaml.safe_load_all(server.packages[-1]))
    executors = spec["deploymentSpec"]["executors"].values()
    assert {one["container"]["image"] for one in executors} == {image}


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


@pytest.mark.parametrize(
    ("how", "attempts"),
    [
        ({"status": 503, "times": 4}, 5),  # refused before it was carried out
        ({"status": 500, "carried_out": True}, 1),
        ({"status": 429}, 2),
        ({"status": 504, "carried_out": True}, 1),  # carried out, and the answer lost
        ({"carried_out": True}, 1),  # the connection broke after it was carried out
        ({"delay": 0.8}, 1),  # it is carried out after the patience has ended
        ({"status": 504, "delay": 0.8}, 1),  # the same behind a gateway
    ],
)
def test_one_run_is_created_whatever_happens_to_the_answer(run, server, how, attempts):
    server.fail(r"POST .*/runs$", **how)
    code, out, err = run("--no-wait")
    assert code == 0, err
    assert server.count(r"POST .*/runs$") == attempts
    (made,) = server.tables["runs"]
    assert out.strip() == made["run_id"]


def test_a_run_that_may_have_been_created_is_not_created_again(run, server):
    server.fail(r"POST .*/runs$")  # the connection breaks, and nobody knows where
    code, out, err = run("--no-wait")
    assert (code, out) == (1, "")
    assert "It is not known whether the run tiny-" in err
    assert "trimtab status" in err
    assert server.count(r"POST .*/runs$") == 1


def test_a_server_that_is_gone_after_the_request_leaves_nobody_in_the_dark(run, server):
    server.fail(r"POST .*/runs$", carried_out=True)
    server.fail(r"GET .*/runs$", status=503, times=10_000)
    code, _, err = run("--no-wait")
    assert code == 1
    assert "the server keeps failing (503)" in err
    assert "It is not known whether the run tiny-" in err


def test_what_the_server_says_of_an_upload_is_shown(run, server):
    said = b'{"error_message":"pipeline spec is invalid: no root","error_details":"pipeline spec is invalid"}'
    server.fail("POST .*/upload$", status=400, body=said)
    code, _, err = run("--no-wait")
    assert code == 1
    assert "the server refuses (400): pipeline spec is invalid: no root" in err


@pytest.mark.parametrize("again", ["R&D + 100 %41", "r&d + 100 %41"])
def test_an_experiment_may_have_any_name(run, server, again):
    assert run("--no-wait", "--experiment", "R&D + 100 %41")[0] == 0
    code, _, err = run("--no-wait", "--experiment", again)
    assert code == 0, err
    assert [one["display_name"] for one in server.tables["experiments"]] == ["R&D + 100 %41"]


def test_nothing_is_known_of_a_run_whose_tasks_the_server_does_not_list(run, server):
    server.script = [{"state": "SUCCEEDED"}]
    code, _, err = run()
    assert code == 69
    assert "it is not known whether a model was deployed" in err


@pytest.mark.parametrize("how", [{"status": 500, "carried_out": True}, {"carried_out": True}])
@pytest.mark.parametrize("what", ["POST .*/upload$", "POST .*/upload_version", "POST .*/experiments"])
def test_nothing_is_made_twice(run, server, what, how):
    server.fail(what, **how)
    code, _, err = run("--no-wait")
    assert code == 0, err
    assert len(server.tables["pipelines"]) == len(server.tables["experiments"]) == 1
    assert len(server.versions) == 2


def test_a_run_that_is_refused_is_not_tried_again(run, server):
    server.fail("POST .*/runs$", status=400, times=10_000)
    code, _, err = run("--no-wait")
    assert code == 1
    assert "the server refuses (400)" in err
    assert server.count("POST .*/runs$") == 1


def test_many_users_share_a_server(run, server):
    server.multi_user = True
    assert run("--no-wait", "--namespace", "team")[0] == 0
    assert server.tables["experiments"][0]["namespace"] == "team"
    assert run("--no-wait", "--namespace", "team")[0] == 0
    assert len(server.tables["experiments"]) == 1


def test_a_builders_code_travels_with_the_run(run, server, config, tmp_path):
    (tmp_path / "nets.py").write_text("def build(hp, spec): ...\n")
    config.write_text(config.read_text().replace("architecture: mlp", "builder: 'nets:build'"))
    assert run("--no-wait")[0] == 0
    sent = json.loads(server.tables["runs"][0]["runtime_config"]["parameters"]["config"])
    assert sent["model"]["code"]["files"] == {"nets.py": "def build(hp, spec): ...\n"}


def test_what_looks_like_a_reference_of_argo_arrives_as_it_is(run, server, config, tmp_path):
    code = 'NAME = f"{{{1}}}"\nOTHER = "{{inputs.parameters.x}} {{$}}"\ndef build(hp, spec): ...\n'
    (tmp_path / "nets.py").write_text(code)
    config.write_text(config.read_text().replace("architecture: mlp", "builder: 'nets:build'"))
    assert run("--no-wait", output=f"{OUTPUT}/")[0] == 0
    sent = server.tables["runs"][0]["runtime_config"]["parameters"]
    assert "{{" not in sent["config"]
    assert Config.model_validate_json(sent["config"]).model.code.files == {"nets.py": code}
    assert sent["output"] == OUTPUT


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


def drop(config, count):
    """Puts many columns with long names into a config, and returns them."""
    columns = [f"column_{number:044}" for number in range(count)]
    text = config.read_text().replace("label: y", f"label: y, drop: [{','.join(columns)}]")
    config.write_text(text)
    return columns


def sent(server):
    return server.tables["runs"][-1]["runtime_config"]["parameters"]["config"]


def test_a_large_config_travels_as_a_file_beside_the_runs(run, server, config, emulator):
    columns = drop(config, 19_000)
    code, _, err = run("--no-wait")
    assert code == 0, err
    assert sent(server).startswith(f"{OUTPUT}/configs/")
    stored = emulator.contents("bucket")[sent(server).removeprefix("gs://bucket/")]
    assert len(stored) > 1_000_000
    assert json.loads(stored)["data"]["drop"] == columns


def test_where_no_file_can_be_written_for_the_pods_a_config_travels_if_it_fits(run, server, config):
    options = ["--no-wait", "--set", "resources.volume.claim=c", "--set", "data.train=/trimtab/rows.csv"]
    plain = config.read_text()
    columns = drop(config, 500)
    assert run(*options, output="/trimtab/runs")[0] == 0
    assert json.loads(sent(server))["data"]["drop"] == columns
    server.calls.clear()
    config.write_text(plain)
    drop(config, 2_000)
    code, _, err = run(*options, output="/trimtab/runs")
    assert code == 2
    assert "fit into a task's arguments" in err
    assert server.calls == []


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


@pytest.mark.parametrize(
    ("options", "output", "words"),
    [
        ([], "runs", "--output: pods cannot reach 'runs'"),
        ([], "ftp://bucket/runs", "pods cannot reach"),
        (["--set", "data.train=rows.csv"], OUTPUT, "data.train: pods cannot reach"),
        (["--set", "data.test=rows.csv"], OUTPUT, "data.test: pods cannot reach"),
        (["--set", "deploy.target=here"], OUTPUT, "deploy.target: pods cannot reach"),
        (["--set", "resources.volume.claim=c"], "/trimtab/../etc", "pods cannot reach"),
        (["--set", "resources.volume.claim=c"], "/else/where", "a path below /trimtab"),
    ],
)
def test_paths_that_pods_cannot_reach(run, server, options, output, words):
    code, _, err = run(*options, output=output)
    assert code == 2
    assert words in err
    assert server.calls == []


def test_paths_on_the_volume_and_data_sets_of_the_image_are_fine(run, server):
    options = ["--set", "resources.volume.claim=c", "--set", "data.train=sklearn://digits"]
    assert run("--no-wait", *options, output="/trimtab/runs")[0] == 0


def test_options_of_kubeflow_are_refused_elsewhere(trimtab, config, server):
    code, _, err = trimtab("run", config, "--no-wait", "--dry-run")
    assert code == 2
    assert "--no-wait: only with --runner kubeflow" in err
    assert server.calls == []


def test_a_dry_run_needs_no_server(run, server):
    code, out, _ = run("--dry-run")
    assert code == 0
    assert yaml.safe_load(out)["deploy"]["target"] == "gs://bucket/runs/deployed/tiny"
    assert server.calls == []
