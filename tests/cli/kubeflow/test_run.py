"""`trimtab run --runner kubeflow`, from the compiled pipeline to the verdict."""

import hashlib
import json

import pytest
import yaml
from cli.kubeflow.fake_kfp import OUTPUT

from trimtab import __version__
from trimtab.config.config import Config


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
    tags = {"part-of": "trimtab", "trimtab-version": __version__}
    assert [one["tags"] for one in (*server.tables["pipelines"], *server.versions)] == [tags] * 3
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
