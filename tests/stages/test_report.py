"""The report stage, on directories as runs leave them."""

import json
import subprocess
import sys

import pytest

from trimtab.artifacts import answered
from trimtab.artifacts.record import EntryRecord, StageRecord, read_records
from trimtab.artifacts.store import ContentStore
from trimtab.config.config import Config
from trimtab.config.notify import Notify
from trimtab.errors import TrackingError
from trimtab.report.result import Result
from trimtab.stages import report
from trimtab.storage.store import open_store

CONFIG = Config.model_validate({"data": {"train": "sklearn://digits"}, "model": {"architecture": "cnn"}})
CANDIDATE = {
    "id": "none--none",
    "recipe": [{"none": {}}, {"runtime": "litert"}],
    "ok": True,
    "metrics": {"accuracy": 0.9},
    "confusion": [[9, 1], [1, 9]],
    "within_budget": True,
    "size_bytes": 1000,
}
WHOLE = [
    StageRecord(
        stage="data_prep",
        ok=True,
        summary={
            "rows": {"test": 20},
            "task": "classification",
            "classes": ["a", "b"],
            "fingerprint": "f",
        },
    ),
    StageRecord(stage="train", ok=True, summary={"history": [{"epoch": 1, "loss": 0.5}]}),
    StageRecord(stage="prune", shard="1/1", ok=True),
    StageRecord(stage="quantize", shard="1/1", ok=True, entries=[EntryRecord(name="none--none")]),
    StageRecord(stage="evaluate", shard="1/1", ok=True, entries=[EntryRecord(name="none--none")]),
    StageRecord(
        stage="select",
        ok=True,
        summary={
            "baseline": CANDIDATE,
            "candidates": [CANDIDATE],
            "chosen": "none--none",
            "verdict": "Alone.",
        },
    ),
    StageRecord(
        stage="compare", ok=True, summary={"promote": True, "finding": "no_champion", "why": "There is none."}
    ),
    StageRecord(stage="deploy", ok=True, summary={"uri": "/deployed/1", "version": 1}),
]


def reported(directory, found, config=None):
    run = str(directory / "runs" / "one")
    store = open_store(run)
    for record in found:
        store.write(record.name, record.model_dump_json().encode())
    html = directory / "out" / "report.html"
    store.write("config.json", (config or CONFIG.model_dump_json()).encode())
    card = html.with_name("card")
    outputs = report.run(run, str(html), "optimize", str(card))
    assert (store.read("MODEL_CARD.md") or b"").decode().endswith(card.read_text())
    result = Result.model_validate_json(store.read("result.json"))
    assert store.read("report.html") == html.read_bytes()
    return result, html.read_text(), outputs


def test_a_whole_run(tmp_path):
    result, html, outputs = reported(tmp_path, WHOLE)
    assert (result.status, result.run_id, result.chosen) == ("deployed", "one", "none--none")
    assert result.config["data"] == CONFIG.data.model_dump(mode="json")
    assert "/deployed/1" in html
    assert outputs["metrics"]["chosen_accuracy"] == 0.9
    assert outputs["confusion"] == {"labels": ["a", "b"], "matrix": [[9, 1], [1, 9]]}
    json.dumps(outputs)
    assert next(r for r in read_records(str(tmp_path / "runs" / "one")) if r.stage == "report").ok


@pytest.mark.parametrize("kept", range(len(WHOLE)))
def test_a_run_cut_off_anywhere(tmp_path, kept):
    result, html, _ = reported(tmp_path, WHOLE[:kept])
    assert result.status == "failed"
    assert result.errors[0].stage.partition(" ")[0] == WHOLE[kept].stage
    assert "What to do" in html


@pytest.mark.parametrize("content", [b"", b"{", b'{"ok": true}', b"\xff\xfe", b"[]"])
def test_a_damaged_record_is_a_finding_and_not_the_end(tmp_path, content):
    open_store(str(tmp_path / "runs" / "one")).write("stages/train.json", content)
    result, html, _ = reported(tmp_path, [WHOLE[0]])
    assert result.status == "failed"
    assert result.errors[0].stage == "train"
    assert "stages/train.json" in html


@pytest.mark.parametrize("config", ["{}", "no JSON", '{"name": 3}', "[]"])
def test_a_config_that_is_not_valid_is_a_finding_and_not_the_end(tmp_path, config):
    result, _, _ = reported(tmp_path, [], config)
    assert result.status == "failed"
    assert (result.errors[0].stage, result.errors[0].exit_code) == ("config", 2)


def test_without_a_config_the_first_task_is_missing(tmp_path):
    report.run(str(tmp_path / "runs" / "one"), str(tmp_path / "report.html"), "optimize")
    result = Result.model_validate_json((tmp_path / "runs" / "one" / "result.json").read_bytes())
    assert (result.status, result.errors[0].stage) == ("failed", "data_prep")


def test_a_second_report_replaces_the_first(tmp_path):
    reported(tmp_path, WHOLE[:3])
    result, _, _ = reported(tmp_path, WHOLE)
    assert result.status == "deployed"
    assert result.errors == []


def test_a_run_that_cannot_be_logged_is_reported_all_the_same(tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise TrackingError("it is away")

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(report.mlflow, "log", fail)
    assert reported(tmp_path, WHOLE)[0].status == "deployed"
    assert "warning: the run is not logged: it is away" in capsys.readouterr().err
    record = next(r for r in read_records(str(tmp_path / "runs" / "one")) if r.stage == "report")
    assert (record.ok, record.warnings) == (True, ["the run is not logged: it is away"])


def test_what_is_logged_is_what_was_reported(tmp_path, monkeypatch):
    logged = []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(report.mlflow, "log", lambda *given: logged.append(given) or "id")
    result, html, _ = reported(tmp_path, WHOLE)
    ((told, _, pages, run),) = logged
    assert run == str(tmp_path / "runs" / "one")
    assert told.model_dump(mode="json") == result.model_dump(mode="json")
    assert pages["report.html"] == html
    assert Result.model_validate_json(pages["result.json"]) == result
    assert "# model" in pages["MODEL_CARD.md"]


@pytest.mark.parametrize(("kept", "beats"), [(len(WHOLE), 1), (3, 0)])
def test_only_a_run_that_did_not_fail_beats(tmp_path, monkeypatch, kept, beats):
    heard = []
    monkeypatch.setattr(report.notify, "beat", lambda settings: heard.append(settings.heartbeat) or "")
    config = CONFIG.model_copy(update={"notify": Notify(heartbeat="URL")})
    reported(tmp_path, WHOLE[:kept], config.model_dump_json())
    assert heard == ["URL"] * beats


def test_neither_tensorflow_nor_keras_is_imported():
    code = "import sys, trimtab.stages.report; print({'tensorflow', 'keras', 'kfp'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_of_a_run_that_failed_the_skipped_tasks_before_it_are_told_too(tmp_path):
    """Kubeflow's cache answered for them, so they left no record; those after it never were."""
    earlier = str(tmp_path / "runs" / "earlier")
    token = answered.token(ContentStore(earlier), earlier, "asked/0")
    cached = ("tune", "train", "prune", "quantize", "evaluate")
    for directory in ("earlier", "one"):
        answered.write_tokens(str(tmp_path / "runs" / directory), dict.fromkeys(cached, token))
    for stage in cached:
        for shard in ("1/2", "2/2") if stage in ("prune", "quantize", "evaluate") else ("",):
            answered.keep(ContentStore(earlier), earlier, StageRecord(stage=stage, shard=shard, ok=True))
    failed = StageRecord(stage="quantize", shard="1/2", error_type="ModelError", error="no", exit_code=2)
    result, *_ = reported(tmp_path, [WHOLE[0], failed])
    assert {task.name: task.reused for task in result.tasks} == {
        "data_prep": False,
        "tune": True,
        "train": True,
        "prune 1/2": True,
        "quantize 1/2": False,
    }
    assert [error.stage for error in result.errors] == ["quantize 1/2"]
