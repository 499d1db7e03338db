from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import metadata

from trimtab.artifacts.record import StageRecord
from trimtab.config.config import Config
from trimtab.events.file import EventFile
from trimtab.report.records.assemble import build_result
from trimtab.report.result import Result
from trimtab.report.tensorboard.candidates import outcome
from trimtab.report.tensorboard.review import REVIEW, write_review
from trimtab.storage.store import open_store

Records = Callable[..., tuple[Config, list[StageRecord]]]
TEXTS = {"verdict", "model_card", "config", "warnings"}


def reviewed(run_records: Records, run: Path, **about: Any) -> Result:
    config, records = run_records(**about)
    result = build_result(records, config, str(run))
    write_review(str(run), result)
    return result


def text(logs: Any, run: str, tag: str) -> str:
    return str(logs.Tensors(run, tag)[0].tensor_proto.string_val[0].decode())


def test_a_candidate_is_a_point_of_each_chart_and_a_row_of_the_table(
    run_records: Records, tmp_path: Path, shown: Callable[[Path], Any]
) -> None:
    result = reviewed(run_records, tmp_path / "one")
    found = shown(tmp_path / "one" / REVIEW)
    made = [candidate.id for candidate in result.candidates if candidate.ok]
    assert len(made) > 5
    for name in made:
        assert {
            f"candidates/{tag}" for tag in ("accuracy", "latency_p50_ms", "size_bytes", "operators")
        } <= set(found[name]["scalars"])
        assert set(found[name]["hparams"]) == {
            metadata.SESSION_START_INFO_TAG,
            metadata.SESSION_END_INFO_TAG,
        }
    logs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "one" / REVIEW)).Reload()
    for place, candidate in enumerate(result.candidates):
        if candidate.ok and candidate.drop is not None:
            (point,) = logs.Tensors(candidate.id, "candidates/drop_bound")
            assert point.step == place, "side by side, in the order of the report"
            (value,) = point.tensor_proto.float_val
            assert value == pytest.approx(candidate.drop.upper_bound)


def test_the_columns_are_the_parameters_of_the_passes(run_records: Records, tmp_path: Path) -> None:
    result = reviewed(run_records, tmp_path / "one")
    logs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "one" / REVIEW)).Reload()
    tags = logs.PluginRunToTagToContent(metadata.PLUGIN_NAME)
    columns = {
        run: metadata.parse_session_start_info_plugin_data(found[metadata.SESSION_START_INFO_TAG]).hparams
        for run, found in tags.items()
    }
    assert set(columns) == {candidate.id for candidate in result.candidates}
    pruned = next(one for one in result.candidates if "magnitude" in one.recipe[0])
    sparsity = pruned.recipe[0]["magnitude"]["sparsity"]
    assert columns[pruned.id]["magnitude.sparsity"].number_value == sparsity
    first = ("candidate", "ending", "outcome", "passes", "table")
    assert [columns[pruned.id][name].string_value for name in first] == [
        pruned.id, next(iter(pruned.recipe[1])), outcome(result, pruned), "magnitude", "candidates"
    ]  # fmt: skip
    assert columns[pruned.id]["runtime"].string_value == "litert"
    assert {of["table"].string_value for of in columns.values()} == {"candidates"}
    assert columns[str(result.chosen)]["outcome"].string_value == "chosen"


def test_the_texts_are_those_of_the_report(
    run_records: Records, tmp_path: Path, shown: Callable[[Path], Any]
) -> None:
    result = reviewed(run_records, tmp_path / "one")
    assert set(shown(tmp_path / "one" / REVIEW)["."]["text"]) == TEXTS
    logs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "one" / REVIEW)).Reload()
    assert result.verdict in text(logs, ".", "verdict")
    assert "## How sure that is" in text(logs, ".", "model_card")
    assert "    max_accuracy_drop: 0.02" in text(logs, ".", "config")


def test_a_run_that_failed_says_why(run_records: Records, tmp_path: Path) -> None:
    config, _ = run_records()
    record = StageRecord(stage="data_prep", ok=False, error="the label is missing", exit_code=2)
    write_review(str(tmp_path / "one"), build_result([record], config, str(tmp_path / "one")))
    logs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "one" / REVIEW)).Reload()
    assert "data_prep: the label is missing" in text(logs, ".", "verdict")
    assert list(logs.Runs()) == ["."]


def test_a_second_report_leaves_nothing_of_the_first(run_records: Records, tmp_path: Path) -> None:
    reviewed(run_records, tmp_path / "one")
    config, _ = run_records()
    write_review(str(tmp_path / "one"), build_result([], config, str(tmp_path / "one")))
    assert len(list((tmp_path / "one" / REVIEW).rglob("*tfevents*"))) == 1


def test_a_run_in_a_bucket_has_it_there(run_records: Records, tmp_path: Path, emulator: Any) -> None:
    config, records = run_records()
    run = "gs://bucket/runs/one"
    write_review(run, build_result(records, config, run))
    names = open_store(f"{run}/{REVIEW}").names("")
    assert sum(name.startswith("events.out.tfevents") for name in names) == 2, "texts and pictures"
    assert any(name.startswith("none--int8/events.out.tfevents") for name in names)


@pytest.mark.parametrize(
    ("about", "pictures"),
    [
        ({"prunes": 8}, {"pareto/latency", "pareto/size", "confusion/baseline", "confusion/chosen"}),
        ({"classes": 150}, {"pareto/latency", "pareto/size", "confusion/baseline", "confusion/chosen"}),
        ({"regression": True}, {"pareto/latency", "pareto/size"}),
    ],
)
def test_pictures_of_the_outcome(
    run_records: Records, tmp_path: Path, shown: Callable[[Path], Any], about: Any, pictures: set[str]
) -> None:
    reviewed(run_records, tmp_path / "one", **about)
    assert set(shown(tmp_path / "one" / REVIEW)["."]["images"]) == pictures
    logs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "one" / REVIEW)).Reload()
    for tag in pictures:
        width, height, png = logs.Tensors(".", tag)[0].tensor_proto.string_val
        picture = Image.open(io.BytesIO(png))
        assert picture.size == (int(width), int(height))
        assert len(picture.getcolors(1 << 20) or []) > 5, "something is drawn"


def test_a_training_that_another_run_made_has_its_curves_here(
    run_records: Records, tmp_path: Path, shown: Callable[[Path], Any]
) -> None:
    config, records = run_records()
    run = tmp_path / "one"
    EventFile(run / "tensorboard" / "train" / "train").close()
    write_review(str(run), build_result(records, config, str(run)), records)
    found = shown(run / REVIEW)
    assert "train/train" not in found, "those are there"
    (pruned,) = [
        name for name in found if name.startswith("prune/magnitude-0.2") and name.endswith("validation")
    ]
    assert set(found[pruned]["scalars"]) == {"epoch_loss", "epoch_accuracy"}
    logs = EventMultiplexer().AddRunsFromDirectory(str(run / REVIEW)).Reload()
    assert [event.step for event in logs.Tensors(pruned, "epoch_loss")] == [1, 2, 3, 4, 5]
