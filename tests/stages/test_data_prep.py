import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from stages.home import Home

from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.record import StageRecord
from trimtab.artifacts.training import RECORD_FILE, TrainingRecord
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy.champion import PLAN_FILE, TRAINING, Plan
from trimtab.errors import ArtifactError
from trimtab.evaluate.bounds.proportions import proportions
from trimtab.stages import data_prep
from trimtab.storage import artifact


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "runs")


def _config(seed: int = 0, budget: dict[str, object] | None = None, **data: object) -> str:
    config = {
        "data": {"workers": 1, **data},
        "model": {"architecture": "mlp"},
        "seed": seed,
        "budget": budget or {"max_accuracy_drop": 0.5},
    }
    return Config.model_validate(config).model_dump_json()


def prepared(home: Home, config: str, *, retrain: bool = False) -> tuple[Dataset, DatasetSummary]:
    ref = data_prep.run(home.run, config, retrain)
    summary = record(home).read(DatasetSummary)
    assert summary is not None
    return datasets.read(home.store, ref, ["train", "validation", "test"]), summary


def record(home: Home) -> StageRecord:
    return home.record("data_prep")


def test_it_writes_a_verified_dataset_and_a_summary(home: Home) -> None:
    dataset, summary = prepared(home, _config(train="sklearn://digits"))
    assert record(home).ok
    assert summary.rows == dataset.rows
    assert sum(dataset.rows.values()) == 1797
    assert summary.classes == dataset.schema.classes == [str(digit) for digit in range(10)]
    assert summary.fingerprint == dataset.fingerprint
    assert len(dataset.fingerprint) == 64
    assert summary.warnings == dataset.warnings
    assert summary.input_shape == [8, 8, 1]
    counts = summary.class_counts
    assert {split: sum(counts[split].values()) for split in counts} == dataset.rows
    assert summary.columns[0]["sizes"] == {"8x8": dataset.rows["train"]}


def test_tables_have_statistics_of_every_column(home: Home) -> None:
    _, summary = prepared(home, _config(train="sklearn://iris"))
    assert [column["kind"] for column in summary.columns] == ["numeric"] * 4
    assert summary.columns[0]["minimum"] < summary.columns[0]["mean"] < summary.columns[0]["maximum"]
    json.dumps(record(home).summary, allow_nan=False)


def test_unusable_data_ends_with_code_2_and_leaves_nothing(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(SystemExit) as caught:
        data_prep.run(home.run, _config(train=str(tmp_path / "rows.csv")))
    assert caught.value.code == 2
    left = record(home)
    assert (left.ok, left.error_type, left.exit_code) == (False, "DataError", 2)
    assert "data.label" in left.error
    assert "Traceback" not in left.error + capsys.readouterr().err
    assert list((home.output / "store" / "dataset").iterdir()) == []


# What the test rows can prove


def test_it_says_what_the_test_rows_can_prove(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    _, summary = prepared(home, _config(train="sklearn://digits", budget={"max_accuracy_drop": 0.03}))
    (reach,) = summary.reach
    assert (reach.examples, reach.max_loss, reach.needed) == (summary.rows["test"], 0.03, 100)
    said = "351 test rows can prove a drop of 0.86 points at best, if every answer stays"
    assert f"data_prep | {said}\n" in capsys.readouterr().err


def test_a_budget_that_no_candidate_can_meet_ends_the_run_with_code_4_and_the_ways_out(home: Home) -> None:
    with pytest.raises(SystemExit) as caught:
        data_prep.run(home.run, _config(train="sklearn://digits", budget={"max_accuracy_drop": 0.005}))
    assert caught.value.code == 4
    left = record(home)
    assert (left.ok, left.error_type, left.exit_code) == (False, "TooFewRowsError", 4)
    assert "351 test rows can prove a drop of 0.86 points at best" in left.error
    assert "602 would be needed for 0.5" in left.error
    assert all(way in left.error for way in ("data.test", "0.0086 or more", "budget.proof: estimate"))


@pytest.mark.parametrize(
    ("source", "budget", "known"),
    [
        ("digits", {"max_accuracy_drop": 0.005, "proof": "estimate"}, 1),
        ("digits", {"max_accuracy_drop": 0.0086}, 1),
        ("diabetes", {"max_error_increase": 0.001}, 0),
    ],
)
def test_who_asks_for_an_estimate_or_limits_an_error_goes_on(
    home: Home, source: str, budget: dict[str, object], known: int
) -> None:
    _, summary = prepared(home, _config(train=f"sklearn://{source}", budget=budget))
    assert len(summary.reach) == known


def test_where_the_baseline_is_the_only_candidate_nothing_is_to_be_proven(home: Home) -> None:
    config = json.loads(_config(train="sklearn://iris", budget={"max_accuracy_drop": 0.005}))
    prepared(home, json.dumps({**config, "recipes": [["none"]]}))


def test_few_groups_are_refused_as_few_rows_are(home: Home) -> None:
    asked = {"max_accuracy_drop": 0.001}
    with pytest.raises(SystemExit) as caught:
        data_prep.run(home.run, _config(train=_iris(home), label="label", group_by="g", budget=asked))
    assert caught.value.code == 4
    assert re.search(
        r"\d+ test rows in \d groups can prove a drop of \d+ points at best; ", record(home).error
    )


def test_copies_count_once(home: Home) -> None:
    file = home.output / "copied.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{row % 1000}.5,{'ab'[row % 2]}" for row in range(2000)]
    file.write_text("\n".join(["x,label", *lines]) + "\n")
    _, summary = prepared(home, _config(train=str(file), label="label", budget={"max_accuracy_drop": 0.05}))
    (reach,) = summary.reach
    assert reach.distinct == summary.rows["test"] / 2
    ones, inputs = np.ones(reach.examples), np.arange(reach.examples) // 2
    assert reach.least == pytest.approx(proportions(ones, ones, 0.95, inputs).upper, abs=1e-9)


def _iris(home: Home) -> str:
    """Writes rows of three classes in thirty groups, and returns the file."""
    file = home.output / "grouped.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{row % 7}.{row},{row % 30},{'abc'[row % 3]}" for row in range(300)]
    file.write_text("\n".join(["x,g,label", *lines]) + "\n")
    return str(file)


# What is there already


def test_the_same_files_are_not_read_again(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = _rows(tmp_path / "rows.csv", 0.0)
    dataset, summary = prepared(home, _config(train=rows))
    monkeypatch.setattr(data_prep, "prepare", None)
    again, same = prepared(home, _config(train=rows))
    assert (again.path, same) == (dataset.path, summary)
    assert record(home).reused
    (tmp_path / "elsewhere").mkdir()
    copied = str(shutil.copy(rows, tmp_path / "elsewhere" / "rows.csv"))
    another = Home(home.output, run="another")
    moved, _ = prepared(another, _config(train=copied))
    assert moved.path == dataset.path, "the same file in another place"


def test_changed_data_and_another_question_are_never_answered_from_the_store(
    home: Home, tmp_path: Path
) -> None:
    rows, answers = _rows(tmp_path / "rows.csv", 0.0), []

    def ask(**question: object) -> None:
        another = Home(home.output, run=f"run-{len(answers)}")
        answers.append(prepared(another, _config(**question))[0].path)
        assert not record(another).reused

    ask(train=rows)
    _rows(tmp_path / "rows.csv", 1.0)
    ask(train=rows)
    ask(train=rows, split={"test": 0.3})
    ask(train=rows, seed=1)
    ask(train=rows, test=_rows(tmp_path / "test.csv", 1.0))
    assert len(set(answers)) == 5


def test_one_letter_that_keeps_the_size_and_the_time_of_a_file_is_other_data(
    home: Home, tmp_path: Path
) -> None:
    rows = Path(_rows(tmp_path / "rows.csv", 0.0))
    before, stat = prepared(home, _config(train=str(rows)))[0], rows.stat()
    rows.write_text(rows.read_text().replace("0.1", "0.2", 1))
    os.utime(rows, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = prepared(home, _config(train=str(rows)))[0]
    assert after.path != before.path
    assert after.fingerprint != before.fingerprint


def test_what_changes_while_it_is_read_is_read_again(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, usual, times = _rows(tmp_path / "rows.csv", 0.0), data_prep.prepare, []

    def changing(*arguments: object, **named: object) -> object:
        done = usual(*arguments, **named)
        times.append(1)
        if len(times) < 2:
            _rows(tmp_path / "rows.csv", 3.0)
        return done

    monkeypatch.setattr(data_prep, "prepare", changing)
    dataset, _ = prepared(home, _config(train=rows))
    assert "the data changed while it was read" in capsys.readouterr().err
    assert dataset.statistics["train"]["columns"]["x"]["mean"] > 2
    assert len(list((home.output / "store" / "dataset").iterdir())) == 1


def test_what_never_stops_changing_is_told(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, usual, times = _rows(tmp_path / "rows.csv", 0.0), data_prep.prepare, []

    def changing(*arguments: object, **named: object) -> object:
        times.append(1)
        done = usual(*arguments, **named)
        _rows(tmp_path / "rows.csv", float(len(times)))
        return done

    monkeypatch.setattr(data_prep, "prepare", changing)
    with pytest.raises(SystemExit) as caught:
        data_prep.run(home.run, _config(train=rows))
    assert caught.value.code == 2
    assert "it changed again and again while it was read" in record(home).error


def test_a_damaged_dataset_is_made_anew(home: Home) -> None:
    dataset, _ = prepared(home, _config(train="sklearn://wine"))
    (shard,) = dataset.shards("test")
    shard.write_bytes(shard.read_bytes()[:-1])
    ref = dataset.path.relative_to(home.output / "store").as_posix()
    with pytest.raises(ArtifactError, match=r"expected \d+ bytes, found"):
        datasets.read(home.store, ref, ["test"])
    again, _ = prepared(home, _config(train="sklearn://wine"))
    assert again.digest == dataset.digest
    assert not record(home).reused


# In a retraining


def _champion(home: Home, dataset: Path | None, **data: object) -> None:
    """Writes what `plan` leaves of a champion that was trained on a dataset; None: there is no champion."""
    with artifact.create(Path(home.run) / "champion", "champion") as draft:
        plan = Plan(version=1, warm=True) if dataset else Plan()
        (draft.path / PLAN_FILE).write_text(plan.model_dump_json())
        if dataset is not None:
            about = TrainingRecord(
                fingerprint="",
                rows={},
                recipe={},
                candidate="none--none",
                hyperparameters={},
                data=json.loads(_config(**data))["data"],
            )
            with artifact.create(draft.path / TRAINING, "training") as part:
                for name in ("schema.json", "statistics.json"):
                    shutil.copyfile(dataset / name, part.path / name)
                (part.path / RECORD_FILE).write_text(about.model_dump_json())


def _rows(path: Path, shift: float) -> str:
    rng = np.random.default_rng(int(shift))
    x = rng.normal(shift, 1, 500)
    labels = np.where(x + rng.normal(size=500) > shift, "up", "down")
    lines = [f"{value:.4f},{label}" for value, label in zip(x, labels, strict=True)]
    path.write_text("\n".join(["x,label", *lines]) + "\n")
    return str(path)


def test_new_rows_are_held_against_the_champion(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = _config(train=_rows(tmp_path / "rows.csv", 0.0))
    old, _ = prepared(home, config)
    _rows(tmp_path / "rows.csv", 2.0)
    _champion(home, old.path, train="rows.csv", split={"test": 0.1})
    new, summary = prepared(home, config, retrain=True)
    assert old.schema == new.schema == new.champion
    assert (summary.schema_changes, summary.sources) == ([], {"train": 1})
    assert old.sources.keys() == new.sources.keys() == {"train"}
    assert old.sources["train"].keys() == {"rows.csv"}
    assert old.sources != new.sources
    assert [one.name for one in summary.drift.drifted] == ["x"]
    assert (summary.drift.rows_before, summary.drift.rows_now) == (old.rows["train"], new.rows["train"])
    assert new.sides_changed == ["data.split.test was 0.1"]
    assert any("data.split.test was 0.1" in warning for warning in summary.warnings)
    assert "drift: x, values" in capsys.readouterr().err


def test_another_champion_makes_another_dataset(home: Home, tmp_path: Path) -> None:
    config = _config(train=_rows(tmp_path / "rows.csv", 0.0))
    plain, _ = prepared(home, config)
    _champion(home, plain.path, train="rows.csv")
    against, _ = prepared(home, config, retrain=True)
    _champion(home, plain.path, train="rows.csv", split={"test": 0.1})
    against_another, _ = prepared(home, config, retrain=True)
    assert len({plain.path, against.path, against_another.path}) == 3


def test_a_first_run_has_nothing_to_compare_with(home: Home) -> None:
    _champion(home, None)
    for retrain in (False, True):
        dataset, summary = prepared(home, _config(train="sklearn://iris"), retrain=retrain)
        assert (summary.drift, summary.schema_changes) == (None, [])
        assert dataset.champion_test() is None
