"""What MLflow is told of a run: by its own files, and by a real server."""

from pathlib import Path

import pytest
from tracking import server

from trimtab.artifacts.selection import CandidateResult
from trimtab.errors import TrackingError
from trimtab.report.records.evidence import History
from trimtab.report.result import Result
from trimtab.storage import artifact
from trimtab.tracking import mlflow as tracking

CHANNELS = {"channels": {"ratio": 0.5, "fine_tune": {"epochs": 3}}}
SMALL = CandidateResult(
    id="channels-0.5--int8",
    recipe=[CHANNELS, {"int8": {}}, {"runtime": "litert"}],
    ok=True,
    metrics={"accuracy": 0.9, "roc_auc": float("nan")},
    size_bytes=1000,
    within_budget=True,
)
BASELINE = CandidateResult(id="none--none", recipe=[{"none": {}}], ok=True, metrics={"accuracy": 0.91})
LOST = CandidateResult(id="magnitude-0.5--none", recipe=[], ok=False, reasons=["it could not be made"])
HISTORIES = [History("train", [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}], None)]
PAGES = {"report.html": "<html>", "MODEL_CARD.md": "# digits"}


def result(**changed) -> Result:
    values = {
        "run_id": "one",
        "status": "deployed",
        "verdict": "It is smaller.",
        "config": {
            "name": "digits",
            "seed": 3,
            "train": {"epochs": 2, "loss": None},
            "notify": {"slack": "X"},
        },
        "baseline": BASELINE,
        "candidates": [BASELINE, SMALL, LOST],
        "chosen": SMALL.id,
    }
    return Result.model_validate({**values, **changed})


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Returns MLflow's client of a directory, where nothing is logged yet."""
    for name in (tracking.PARENT, tracking.EXPERIMENT_ID, tracking.EXPERIMENT_NAME):
        monkeypatch.delenv(name, raising=False)
    client = pytest.importorskip("mlflow").MlflowClient
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv(tracking.SERVER, f"file://{tmp_path}/mlruns")
    return client()


def active(client, experiment="digits"):
    """Returns the runs of an experiment that are not deleted, by name."""
    identifier = client.get_experiment_by_name(experiment).experiment_id
    return {run.info.run_name: run for run in client.search_runs([identifier])}


def deployed(directory: Path) -> str:
    """Makes a deployed version, and returns its URI."""
    with artifact.create(directory / "deployed" / "3", "deployment") as draft:
        draft.lineage = {"selection": "5f"}
        (draft.path / "model.tflite").write_bytes(b"model")
    return str(directory / "deployed" / "3")


def check(client, tmp_path):
    """Logs a run, and checks that all of it is there."""
    logged = tracking.log(result(deployed=deployed(tmp_path)), HISTORIES, PAGES, "s3://bucket/it's/one")
    runs = active(client)
    assert set(runs) == {"digits one", "none--none", SMALL.id, LOST.id}
    run = runs.pop("digits one")
    assert (run.info.run_id, run.info.status) == (logged, "FINISHED")
    assert run.data.params == {"name": "digits", "seed": "3", "train.epochs": "2"}
    assert run.data.metrics == {
        "baseline_accuracy": 0.91,
        "chosen_accuracy": 0.9,
        "chosen_size_bytes": 1000.0,
        "train/loss": 0.25,
    }
    assert [(point.step, point.value) for point in client.get_metric_history(logged, "train/loss")] == [
        (1, 0.5),
        (2, 0.25),
    ]
    assert run.data.tags["mlflow.note.content"] == "It is smaller."
    assert run.data.tags["trimtab.run"] == "s3://bucket/it's/one"
    assert {nested.data.tags["mlflow.parentRunId"] for nested in runs.values()} == {logged}
    small = runs[SMALL.id]
    assert small.data.params == {
        "channels.ratio": "0.5",
        "channels.fine_tune.epochs": "3",
        "int8": "true",
        "runtime": "litert",
    }
    assert small.data.metrics == {"accuracy": 0.9, "size_bytes": 1000.0}
    assert small.data.tags["trimtab.chosen"] == "true"
    assert runs[LOST.id].info.status == "FAILED"
    assert {item.path for item in client.list_artifacts(logged)} == {"report.html", "MODEL_CARD.md", "model"}
    model = client.download_artifacts(logged, "model", str(tmp_path))
    assert (Path(model) / "model.tflite").read_bytes() == b"model"
    assert f"uri: {tmp_path}/deployed/3" in (Path(model) / "MLmodel").read_text()
    return logged


def test_a_run_with_all_that_is_known_of_it(files, tmp_path):
    check(files, tmp_path)


def test_a_run_that_is_logged_again_replaces_itself_alone(files):
    other = tracking.log(result(run_id="other"), [], {}, "/runs/other")
    first = tracking.log(result(), HISTORIES, {}, "/runs/one")
    changed = {"name": "digits", "seed": 4}
    second = tracking.log(result(config=changed, candidates=[BASELINE]), [], {}, "/runs/one")
    identifier = files.get_experiment_by_name("digits").experiment_id
    runs = {run.info.run_id: run for run in files.search_runs([identifier])}
    assert {other, second} <= set(runs)
    assert first not in runs
    below = [
        run.data.tags["mlflow.parentRunId"] for run in runs.values() if "trimtab.key" not in run.data.tags
    ]
    assert sorted(below) == sorted([other] * 3 + [second])
    assert runs[second].data.params["seed"] == "4"


def test_in_a_pod_it_goes_below_the_run_of_the_task(files, monkeypatch):
    experiment = files.create_experiment("theirs")
    task = files.create_run(experiment, run_name="report").info.run_id
    monkeypatch.setenv(tracking.EXPERIMENT_ID, experiment)
    monkeypatch.setenv(tracking.PARENT, task)
    tracking.log(result(), [], {}, "/runs/one")
    runs = active(files, "theirs")
    assert runs["digits one"].data.tags["mlflow.parentRunId"] == task
    assert runs[SMALL.id].data.tags["mlflow.parentRunId"] == runs["digits one"].info.run_id


def test_the_experiment_that_the_environment_names(files, monkeypatch):
    monkeypatch.setenv(tracking.EXPERIMENT_NAME, "mine")
    tracking.log(result(), [], {}, "/runs/one")
    assert "digits one" in active(files, "mine")


def test_many_settings_and_long_ones_of_odd_names(files):
    many = {f"x{number}": number for number in range(150)}
    config = {"name": "digits", "slices": {"ä[1]": "y" * 10_000}, "many": many}
    tracking.log(result(config=config, candidates=[]), [], {}, "/runs/one")
    parameters = active(files)["digits one"].data.params
    assert len(parameters) == 152
    assert parameters["slices.__1_"] == "y" * 6000


def test_a_method_that_a_chain_has_twice():
    chain = [
        {"magnitude": {"sparsity": 0.5, "epochs": 1}},
        {"channels": {}},
        {"magnitude": {"sparsity": 0.8}},
    ]
    found = tracking._steps(SMALL.model_copy(update={"recipe": chain}))
    assert found == {
        "magnitude.sparsity": "0.5",
        "magnitude.epochs": "1",
        "channels": "true",
        "magnitude 2.sparsity": "0.8",
    }


def test_a_run_that_cannot_be_logged_to_its_end_says_so_there(files, tmp_path):
    missing = f"{tmp_path}/deployed/7"
    with pytest.raises(TrackingError, match=r"MLflow: .*7"):
        tracking.log(result(deployed=missing), [], {}, "/runs/one")
    assert active(files)["digits one"].info.status == "FAILED"
    tracking.log(result(), [], {}, "/runs/one")
    assert active(files)["digits one"].info.status == "FINISHED"


def test_no_server_is_told_without_the_password(monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv(tracking.SERVER, "http://me:secret@127.0.0.1:9")
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1") as caught:
        tracking.log(result(), [], {}, "/runs/one")
    assert "secret" not in caught.value.describe()


def test_without_the_extra(monkeypatch):
    def missing(name):
        raise tracking.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(tracking.metadata, "version", missing)
    with pytest.raises(TrackingError) as caught:
        tracking.log(result(), [], {}, "/runs/one")
    assert "trimtab[mlflow]" in caught.value.describe()


@pytest.mark.slow
def test_a_real_server(files, tmp_path, monkeypatch):
    if not server.PROGRAM.is_file():
        pytest.skip(f"no MLflow at {server.PROGRAM}: `make .venv/mlflow/.installed`")
    (tmp_path / "server").mkdir()
    with server.served(tmp_path / "server") as url:
        monkeypatch.setenv(tracking.SERVER, url)
        client = type(files)()
        first = check(client, tmp_path)
        second = tracking.log(result(), HISTORIES, PAGES, "s3://bucket/it's/one")
        assert active(client)["digits one"].info.run_id == second != first
        assert len(active(client)) == 4
        page = client.download_artifacts(second, "report.html", str(tmp_path))
        assert Path(page).read_text() == "<html>"
