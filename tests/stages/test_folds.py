"""`data.test.folds`, by real stages: every row tested by a model made without it, all rows one proof."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from stages.home import Home
from stages.retraining import Begun, rows
from stages.test_run_challenges import Runs, constant_times

from trimtab.artifacts import claim as claims
from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.evaluation import Evaluation, read_test, read_validation
from trimtab.artifacts.shard import EVALUATED, QUANTIZED, Outcome
from trimtab.cli.rows import command as rows_command
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ProofError
from trimtab.evaluate import latency
from trimtab.evaluate.bounds.paired_proportions import upper_limit
from trimtab.report.result import Result
from trimtab.stages import children, data_prep, evaluate, settings
from trimtab.stages.verifying import verify
from trimtab.storage import artifact

ROWS, FOLDS = 400, 4


class Folds(Runs):
    """As `Runs`, with a model and a candidate for every fold."""

    def _candidates(self, home: Home, model: str, spoiled: float, padding: int) -> dict[str, Outcome]:
        refs = datasets.folds(home.store, home.dataset)
        made: dict[str, list[str]] = {}
        for fold, ref in enumerate(refs):
            content = self._challenger(Dataset.open(home.path(ref)), spoiled)
            for name in settings.of(home.run).candidates():
                extra = bytes(padding + (50_000 if name == "none--none" else 0))
                file = home.file(f"{Path(home.run).name}-{name}-{fold}", content + extra, model)
                made.setdefault(name, []).append(file.ref)
        return {name: Outcome(ref=files[0], folds=files[1:]) for name, files in made.items()}


@pytest.fixture
def _steady(monkeypatch: pytest.MonkeyPatch, forked: None) -> None:
    monkeypatch.setattr(latency, "sample", constant_times)


@pytest.fixture
def service(tmp_path: Path, linear_tflite: Callable[..., bytes], _steady: None) -> Folds:
    return with_data(tmp_path / "service", linear_tflite)


@pytest.fixture
def first(begun: Begun, linear_tflite: Callable[..., bytes], _steady: None) -> tuple[Folds, Result]:
    """Returns a target after its first run, and what came of that."""

    def make() -> Folds:
        made = with_data(begun.place, linear_tflite)
        made.run()
        return made

    service = begun.at("folds", make)
    return service, Result.model_validate_json((service.root / "run-1" / "result.json").read_bytes())


def with_data(root: Path, linear_tflite: Callable[..., bytes]) -> Folds:
    made = Folds(root, linear_tflite)
    made.write("rows.csv", rows(ROWS, seed=0))
    made.config["data"]["test"] = {"folds": FOLDS}
    made.config["budget"]["max_accuracy_drop"] = 0.01
    return made


def home_of(service: Folds, run: str = "run-1") -> Home:
    return Home(service.root, run=run)


def evaluation(home: Home, name: str) -> tuple[Path, Evaluation]:
    """Returns what was found of a candidate over all folds."""
    found = home.made(EVALUATED, next(iter(refs(home, EVALUATED))))[name]
    return home.path(found.ref), Evaluation.model_validate(home.store.find(found.ref).summary)


def refs(home: Home, kind: str) -> list[str]:
    return [f"{kind}/{path.name}" for path in (home.output / "store" / kind).iterdir()]


def test_all_rows_prove_what_a_split_could_not(first):
    service, result = first
    assert result.status == "deployed"
    assert (result.proof.folds, result.proof.examples, result.proof.proven) == (FOLDS, ROWS, True)
    assert (result.data.folds, result.data.tested) == (FOLDS, ROWS)
    assert sum(result.data.rows.values()) == ROWS > result.data.rows["test"]
    assert result.proof.tested[0].upper_bound == pytest.approx(1.25 * upper_limit(0, 0, ROWS, 0.95))
    assert result.proof.tested[0].limits[0].method.endswith("1.25 times as far, for 4 folds")
    assert "out of fold, the mean over 4 models that are made like it, its accuracy is" in result.verdict
    said = "Out of fold: each of 400 rows was answered by the one of 4 models that was made without it."
    card = Path(home_of(service).run, "MODEL_CARD.md").read_text()
    page = Path(home_of(service).run, "report.html").read_text()
    for place in (result.why, card, page):
        assert said in place
        assert "What is proven is of the mean of models made in this way; the first is deployed." in place
    assert "## Out of fold, by 4 models" in card
    assert "split: out of fold" in card


def test_pooled_answers_are_those_of_each_folds_own_model(first):
    """A row's answer, computed by numpy from the weights of the model that was fitted without it."""
    service, _ = first
    home = home_of(service)
    path, found = evaluation(home, "none--none")
    data = datasets.pooled(home.store, home.dataset or refs_of_first(home))
    scores = []
    for fold in data.folds:
        (x, y), model = fold.arrays("test"), service._challenger(fold, 0.0)
        with_model = Path(home.output, "model.tflite")
        with_model.write_bytes(model)
        outputs = answers(home.output, fold.model_input(x))
        scores.append((outputs.argmax(axis=1) == y).astype(np.float32))
    made = read_test(path)
    np.testing.assert_array_equal(made.scores, np.concatenate(scores))
    assert (made.answers.shape, found.examples) == ((ROWS, 3), ROWS)
    assert found.metrics["accuracy"] == pytest.approx(np.concatenate(scores).mean())
    assert found.by_fold == pytest.approx([float(one.mean()) for one in scores])
    assert len(read_validation(path).scores) == 0, "validation rows are test rows of other folds"


def answers(directory: Path, x: np.ndarray) -> np.ndarray:
    from served import predict

    return predict(directory, x)


def refs_of_first(home: Home) -> str:
    """Returns the reference of the first fold's dataset: it alone names others."""
    return next(ref for ref in refs(home, "dataset") if Dataset.open(home.path(ref)).folds)


def test_a_candidate_that_is_worse_in_one_fold_pays_for_it_in_all(service, monkeypatch):
    """What each fold's model answers is kept apart: one broken model of four is found."""
    whole = service._challenger
    count = iter(range(100))

    def one_is_broken(data: Dataset, spoiled: float) -> bytes:
        return whole(data, 50.0 if next(count) == 2 else 0.0)

    monkeypatch.setattr(service, "_challenger", one_is_broken)
    result = service.run()
    found = evaluation(home_of(service), "none--none")[1].by_fold
    assert min(found) == found[2] < 0.8 < min(found[:2] + found[3:])
    baseline = result.baseline.metrics["accuracy"]
    assert min(found) < baseline < max(found)


def test_the_claim_is_computed_again_and_a_forged_fold_is_found(first):
    service, _ = first
    found = verify(str(service.target))
    assert (found.examples, found.proven) == (ROWS, True)
    version = service.target / "1"
    with np.load(version / claims.ROWS_FILE) as stored:
        assert np.bincount(stored["folds"]).tolist()[1:] == [
            int((stored["folds"] == fold).sum()) for fold in range(1, FOLDS + 1)
        ]
        assert len(stored["folds"]) == len(stored["labels"]) == ROWS
    opened = artifact.load(version, "deployment")
    claim = json.loads((version / claims.CLAIM_FILE).read_text())
    claim["proof"]["folds"] = 1
    content = {path.name: path.read_bytes() for path in version.iterdir() if path.name != artifact.MANIFEST}
    content[claims.CLAIM_FILE] = json.dumps(claim).encode()
    for path in version.iterdir():
        path.unlink()
    version.rmdir()
    with artifact.create(version, "deployment") as draft:
        for name, data in content.items():
            (draft.path / name).write_bytes(data)
        draft.lineage = dict(opened.lineage)
    with pytest.raises(ProofError, match="folds: it says 1, computed again it is 4"):
        verify(str(service.target))


def test_the_rows_are_listed_with_their_fold(first):
    service, _ = first
    listed = CliRunner().invoke(rows_command, [home_of(service).run])
    found = list(csv.DictReader(listed.output.splitlines()))
    assert sorted(int(row["row"]) for row in found) == list(range(1, ROWS + 1))
    assert [row["fold"] for row in found] == sorted(row["fold"] for row in found)
    assert {row["fold"] for row in found} == {"1", "2", "3", "4"}
    trained = CliRunner().invoke(rows_command, [home_of(service).run, "--split", "train"])
    of_first = {row["row"] for row in found if row["fold"] == "1"}
    assert not of_first & {row["row"] for row in csv.DictReader(trained.output.splitlines())}
    assert "fold" not in trained.output.splitlines()[0]


def test_the_ledger_counts_decisions_on_all_rows_whatever_the_number_of_folds(first):
    service, before = first
    service.config["data"]["test"] = {"folds": 5}
    again = service.run()
    assert again.proof.reuse.decisions == 2
    assert again.proof.reuse.test_rows == before.proof.reuse.test_rows


def test_a_rank_metric_over_folds_is_an_estimate_and_a_mean_a_proof(service):
    service.config["budget"] = {
        "objective": "size",
        "limits": [
            {"metric": "accuracy", "max_drop": 0.02},
            {"metric": "roc_auc", "class": "a", "max_drop": 0.05},
        ],
    }
    result = service.run()
    accuracy, area = result.proof.tested[0].limits
    assert (accuracy.proven, area.proven, result.proof.proven) == (True, False, False)
    assert (
        area.why_not
        == "the answers of 4 models, which may be scaled differently, are compared with each other"
    )
    assert "What is estimated is of the mean" in result.why
    assert verify(str(service.target)).proven is False


def test_limits_of_classes_and_slices_are_of_all_rows(service):
    service.config["budget"] = {
        "objective": "size",
        "per_class": {"metric": "recall", "max_drop": 0.04},
        "slices": [{"column": "x", "bins": [1.5], "limits": [{"metric": "accuracy", "max_drop": 0.04}]}],
    }
    result = service.run()
    assert result.status == "deployed"
    assert [limit.name for limit in result.proof.limits][:3] == ["recall of a", "recall of b", "recall of c"]
    assert len(result.proof.limits) == 5
    assert verify(str(service.target)).examples == ROWS


def test_a_champion_is_asked_the_rows_that_neither_has_seen(service):
    service.run(spoiled=20.0)
    result = service.run()
    assert (result.status, result.comparison.finding) == ("deployed", "better")
    assert result.comparison.loss.examples == result.data.rows["test"] < ROWS / 2
    assert result.comparison.warnings == []


def test_a_retraining_tests_the_first_fold_alone_and_says_so(service):
    service.config["budget"]["max_accuracy_drop"] = 0.05
    service.run(spoiled=1.0)
    service.write("more.csv", rows(200, seed=1))
    result = service.retrain()
    assert result.data.folds == 1
    assert result.proof.examples == result.data.rows["test"] < 200
    assert any("a retraining has one test split, the first fold's" in text for text in result.data.warnings)


def test_too_few_rows_are_refused_before_training_with_the_number_that_folds_reach(service):
    service.config["data"]["test"] = None
    home = Home(service.root, run="short")
    with pytest.raises(SystemExit) as ended:
        data_prep.run(home.run, service.text)
    assert ended.value.code == 4
    error = home.record("data_prep").error
    assert "; with data.test: {folds: 5}, all 400 rows can prove 0.94 points, at 5 trainings" in error
    assert "or out of fold: data.test: {folds: 5}" in error
    service.config["data"]["test"] = {"folds": 5}
    service.config["budget"]["max_accuracy_drop"] = 0.005
    home = Home(service.root, run="still")
    with pytest.raises(SystemExit):
        data_prep.run(home.run, service.text)
    error = home.record("data_prep").error
    assert "400 test rows can prove a drop of 0.94 points at best" in error
    assert "with data.test" not in error


def test_what_a_killed_task_had_evaluated_is_not_evaluated_again(service, monkeypatch):
    home = Home(service.root, run="killed")
    home.dataset = data_prep.run(home.run, service.text)
    home.model("killed")
    files = service._candidates(home, "model/killed", 0.0, 0)
    quantized = home.outcomes(QUANTIZED, files)
    run = children.run

    def dies_after_the_second(label: str, work: Any, jobs: list[Any], *arguments: Any, **named: Any) -> Any:
        run(label, work, jobs[:2], *arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    if (child := os.fork()) == 0:
        monkeypatch.setattr(children, "run", dies_after_the_second)
        evaluate.run(home.run, "1/1", home.dataset, quantized)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    evaluate.run(home.run, "1/1", home.dataset, quantized)
    reused = {entry.name: entry.reused for entry in home.record("evaluate", "1/1").entries}
    names = [f"none--none.fold-{fold}" for fold in range(1, FOLDS + 1)]
    assert [reused[name] for name in names] == [True, True, False, False]
    assert reused["none--none"] is False


def test_a_fold_without_a_candidate_is_a_reason(service, monkeypatch):
    candidates = service._candidates

    def without_one(*arguments: Any) -> dict[str, Outcome]:
        made = candidates(*arguments)
        home = arguments[0]
        made["none--float16"].folds[1] = home.file("broken", b"no model").ref
        return made

    monkeypatch.setattr(service, "_candidates", without_one)
    result = service.run()
    (lost,) = [one for one in result.candidates if one.id == "none--float16"]
    assert not lost.ok
    assert lost.reasons[0].startswith("fold 3: ")


def test_data_prep_makes_no_fold_twice(service):
    first, second = Home(service.root, run="a"), Home(service.root, run="b")
    ref = data_prep.run(first.run, service.text)
    assert data_prep.run(second.run, service.text) == ref
    record = second.record("data_prep")
    assert [entry.reused for entry in record.entries] == [True] * FOLDS
    assert [entry.name for entry in record.entries] == ["", "fold-2", "fold-3", "fold-4"]
    summary = record.read(DatasetSummary)
    assert (summary.folds, summary.tested) == (FOLDS, ROWS)
    assert sum(summary.tested_by_class.values()) == ROWS


@pytest.mark.parametrize(
    ("data", "task"),
    [({"label": "label", "task": "multilabel"}, "multilabel")],
)
def test_tasks_with_thresholds_of_their_own_are_refused(service, data, task):
    service.config["data"] |= data
    service.config["budget"] = {}
    home = Home(service.root, run="refused")
    with pytest.raises(SystemExit) as ended:
        data_prep.run(home.run, service.text)
    assert ended.value.code == 2
    assert f"data.test.folds: folds are not for {task}" in home.record("data_prep").error


def test_numbers_are_proven_in_the_labels_unit(service):
    """A regression: each fold's model answers in a scale of its own, and errors are of one unit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2))
    price = 100 + 30 * x[:, 0] + rng.normal(size=ROWS)
    lines = [f"{a:.5f},{b:.5f},{y:.4f}" for (a, b), y in zip(x, price, strict=True)]
    (service.root / "data" / "rows.csv").write_text("\n".join(["x,y,price", *lines]) + "\n")
    service.config["data"] |= {"label": "price"}
    service.config["budget"] = {"objective": "size", "max_error_increase": 0.1}

    def least_squares(data: Dataset, spoiled: float) -> bytes:
        x, y = data.arrays("train")
        design = np.column_stack([data.model_input(x), np.ones(len(x))])
        found = np.linalg.lstsq(design, y, rcond=None)[0].astype(np.float32)
        return service.tflite(found[None, :-1], found[-1:], shape=data.schema.input.shape, softmax=False)

    service._challenger = least_squares  # type: ignore[method-assign]
    result = service.run()
    path, found = evaluation(home_of(service), "none--none")
    assert 0.6 < found.metrics["mae"] < 1.0, "of noise with a deviation of 1: 0.8"
    assert found.metrics["mae"] == pytest.approx(read_test(path).scores.mean(), rel=1e-5)
    assert found.examples == ROWS == result.proof.examples
    assert verify(str(service.target)).examples == ROWS
