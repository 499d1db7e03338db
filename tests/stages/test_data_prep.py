import json
from pathlib import Path

import pytest

from trimtab.config.config import Config
from trimtab.data.dataset import Dataset
from trimtab.stages import data_prep
from trimtab.stages.stage import records


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
