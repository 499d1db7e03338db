import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from trimtab.config.config import Config
from trimtab.data.champion.drift import DriftReport
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy.champion import PLAN_FILE, TRAINING, Plan
from trimtab.deploy.training import RECORD_FILE, TrainingRecord
from trimtab.stages import data_prep
from trimtab.stages.stage import records
from trimtab.storage import artifact


def _config(**data: object) -> str:
    config = {"data": {"workers": 1, **data}, "model": {"architecture": "mlp"}}
    return Config.model_validate(config).model_dump_json()


def test_it_writes_a_verified_dataset_and_a_summary(tmp_path: Path) -> None:
    data_prep.run(
        config=_config(train="sklearn://digits"), run=str(tmp_path / "run"), dataset=str(tmp_path / "dataset")
    )
    dataset = Dataset.open(tmp_path / "dataset")
    (record,) = records(str(tmp_path / "run"))
    summary = record.summary
    assert record.ok
    assert summary["rows"] == dataset.rows
    assert sum(dataset.rows.values()) == 1797
    assert summary["classes"] == dataset.schema.classes == [str(digit) for digit in range(10)]
    assert summary["fingerprint"] == dataset.fingerprint
    assert len(dataset.fingerprint) == 64
    assert summary["warnings"] == dataset.warnings
    assert summary["input_shape"] == [8, 8, 1]
    counts = summary["class_counts"]
    assert {split: sum(counts[split].values()) for split in counts} == dataset.rows
    assert summary["columns"][0]["sizes"] == {"8x8": dataset.rows["train"]}


def test_tables_have_statistics_of_every_column(tmp_path: Path) -> None:
    data_prep.run(
        config=_config(train="sklearn://iris"), run=str(tmp_path / "run"), dataset=str(tmp_path / "dataset")
    )
    (record,) = records(str(tmp_path / "run"))
    columns = record.summary["columns"]
    assert [column["kind"] for column in columns] == ["numeric"] * 4
    assert columns[0]["minimum"] < columns[0]["mean"] < columns[0]["maximum"]
    json.dumps(record.summary, allow_nan=False)


def test_unusable_data_ends_with_code_2_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(SystemExit) as caught:
        data_prep.run(
            config=_config(train=str(tmp_path / "rows.csv")),
            run=str(tmp_path / "run"),
            dataset=str(tmp_path / "out" / "dataset"),
        )
    assert caught.value.code == 2
    (record,) = records(str(tmp_path / "run"))
    assert (record.ok, record.error_type, record.exit_code) == (False, "DataError", 2)
    assert "data.label" in record.error
    assert "Traceback" not in record.error + capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_running_again_replaces_the_dataset_with_the_same(tmp_path: Path) -> None:
    digests = []
    for _ in range(2):
        data_prep.run(
            config=_config(train="sklearn://wine"),
            run=str(tmp_path / "run"),
            dataset=str(tmp_path / "dataset"),
        )
        digests.append(Dataset.open(tmp_path / "dataset").digest)
    assert digests[0] == digests[1]


def _champion(path: Path, dataset: Path | None, **data: object) -> str:
    """Writes what `plan` leaves of a champion that was trained on a dataset; None: there is no champion."""
    with artifact.create(path, "champion") as draft:
        plan = Plan(version=1, warm=True) if dataset else Plan()
        (draft.path / PLAN_FILE).write_text(plan.model_dump_json())
        if dataset is not None:
            record = TrainingRecord(
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
                (part.path / RECORD_FILE).write_text(record.model_dump_json())
    return str(path)


def _rows(path: Path, shift: float) -> str:
    rng = np.random.default_rng(int(shift))
    x = rng.normal(shift, 1, 500)
    labels = np.where(x + rng.normal(size=500) > shift, "up", "down")
    lines = [f"{value:.4f},{label}" for value, label in zip(x, labels, strict=True)]
    path.write_text("\n".join(["x,label", *lines]) + "\n")
    return str(path)


def test_new_rows_are_held_against_the_champion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, run = _config(train=_rows(tmp_path / "rows.csv", 0.0)), str(tmp_path / "run")
    data_prep.run(config=config, run=run, dataset=str(tmp_path / "old"))
    _rows(tmp_path / "rows.csv", 2.0)
    champion = _champion(tmp_path / "champion", tmp_path / "old", train="rows.csv", split={"test": 0.1})
    data_prep.run(config=config, run=run, dataset=str(tmp_path / "new"), champion=champion)
    old, new = Dataset.open(tmp_path / "old"), Dataset.open(tmp_path / "new")
    summary = records(run)[0].summary
    assert old.schema == new.schema == new.champion
    assert (summary["schema_changes"], summary["sources"]) == ([], {"train": 1})
    assert old.sources.keys() == new.sources.keys() == {"train"}
    assert old.sources["train"].keys() == {"rows.csv"}
    assert old.sources != new.sources
    report = DriftReport.model_validate(summary["drift"])
    assert [one.name for one in report.drifted] == ["x"]
    assert (report.rows_before, report.rows_now) == (old.rows["train"], new.rows["train"])
    assert new.sides_changed == ["data.split.test was 0.1"]
    assert any("data.split.test was 0.1" in warning for warning in summary["warnings"])
    assert "drift: x, values" in capsys.readouterr().err


@pytest.mark.parametrize("champion", [None, "", "empty"])
def test_a_first_run_has_nothing_to_compare_with(tmp_path: Path, champion: str | None) -> None:
    if champion:
        champion = _champion(tmp_path / "champion", None)
    run = str(tmp_path / "run")
    data_prep.run(
        config=_config(train="sklearn://iris"), run=run, dataset=str(tmp_path / "d"), champion=champion
    )
    summary = records(run)[0].summary
    assert (summary["drift"], summary["schema_changes"]) == (None, [])
    assert Dataset.open(tmp_path / "d").champion_test() is None
