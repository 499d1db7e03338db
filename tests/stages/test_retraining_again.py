"""What was judged before is judged again only for a reason: see docs/retraining.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stages.retraining import BAD, FORCED, Begun, Service, flip, rows, told

from trimtab.artifacts.record import read_records
from trimtab.deploy import switch
from trimtab.report.result import Result
from trimtab.stages import check_data, children


def judged(service: Service) -> Result:
    """Returns what comes of new rows whose challenger is worse."""
    service.write("february.csv", rows(300, seed=2))
    result = service.retrain(spoiled=BAD)
    assert (result.status, result.retrain.judged) == ("champion_kept", None)
    return result


@pytest.fixture
def kept(begun: Begun, serving: Callable[..., Service]) -> Service:
    """Returns a target whose new rows were judged, and whose champion stayed."""

    def make() -> Service:
        service = serving()
        judged(service)
        return service

    return begun.at("kept", make)


def test_what_has_lost_is_not_judged_again_and_is_not_read(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = judged(served)
    before = (served.target / "champion.json").read_bytes()
    monkeypatch.setattr("trimtab.stages.check_data.fingerprint", None)
    result = served.retrain()
    assert (result.status, result.errors) == ("up_to_date", [])
    assert {record.stage for record in read_records(str(served.root / "run-3"))} == {"check_data", "report"}
    assert result.verdict.startswith("Nothing new: run run-2 judged this data on ")
    assert f"and its challenger was not promoted: {lost.retrain.comparison.why}. New rows, " in result.verdict
    assert result.retrain.judged.model_dump(exclude={"at", "why"}) == {
        "run": str(served.root / "run-2"),
        "finding": "worse",
        "promoted": None,
    }
    assert result.retrain.changes.added.first == ["train/february.csv"]
    assert (served.target / "champion.json").read_bytes() == before


def test_what_has_lost_is_known_by_its_rows_too(kept: Service) -> None:
    kept.write("february.csv", rows(300, seed=2)[::-1])
    assert kept.retrain().status == "up_to_date"


def test_new_rows_are_judged(kept: Service) -> None:
    kept.write("march.csv", rows(20, seed=3))
    assert kept.retrain(spoiled=BAD).status == "champion_kept"


@pytest.mark.parametrize(
    ("section", "setting"),
    [
        ("budget", {"max_accuracy_drop": 0.06}),
        ("retrain", {"confidence": 0.9}),
        ("train", {"epochs": 7}),
        ("data", {"max_bad_fraction": 0.01}),
    ],
)
def test_another_config_is_judged(kept: Service, section: str, setting: dict[str, object]) -> None:
    kept.config[section] = {**kept.config.get(section, {}), **setting}
    assert kept.retrain(spoiled=BAD).status == "champion_kept"


@pytest.mark.parametrize(
    ("section", "setting"),
    [
        ("resources", {"environment": {"A": "b"}}),
        ("recipes", [{"prune": "none", "quantize": ["int8"]}]),  # the champion's is applied whatever it says
        ("name", "another"),
    ],
)
def test_what_has_no_part_in_it_is_not_judged_again(kept: Service, section: str, setting: object) -> None:
    kept.config[section] = setting
    assert kept.retrain().status == "up_to_date"


def save_archive(path: Path, seed: int) -> None:
    import keras

    keras.utils.set_random_seed(seed)
    outputs = keras.layers.Dense(3, activation="softmax")
    keras.Sequential([keras.Input((2,)), outputs]).save(path)


@pytest.mark.slow
def test_a_changed_archive_is_judged(served: Service, tmp_path: Path) -> None:
    archive = tmp_path / "model.keras"
    # In a process of its own: what the stages fork must not have run TensorFlow.
    assert children.run("archive", save_archive, archive, 1, afresh=True) is None
    served.config["model"] = {"archive": str(archive)}
    judged(served)
    assert served.retrain().status == "up_to_date"
    assert children.run("archive", save_archive, archive, 2, afresh=True) is None
    assert served.retrain(spoiled=BAD).status == "champion_kept"


def test_another_champion_is_challenged(kept: Service) -> None:
    kept.retrain(padding=100, forced=FORCED)
    kept.write("march.csv", rows(20, seed=3))
    kept.retrain(spoiled=BAD)
    switch.rollback(str(kept.target))
    assert kept.retrain(spoiled=BAD).status == "champion_kept"


def test_force_judges_again(kept: Service) -> None:
    result = kept.retrain(forced=FORCED)
    assert (result.status, kept.champion()["version"]) == ("deployed", 2)
    assert "1 file new: train/february.csv" in told(result)


def test_a_run_that_goes_on_judges_again(kept: Service) -> None:
    assert check_data.run(kept.text, str(kept.root / "run-2"))
    assert not check_data.run(kept.text, kept.new_run().run)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\x00", b'{"run": "r"}'])
def test_a_damaged_memory_is_judged_again_and_mended(kept: Service, content: bytes) -> None:
    for file in (kept.target / "judged").iterdir():
        file.write_bytes(content)
    assert kept.retrain(spoiled=BAD).status == "champion_kept"
    assert kept.retrain().status == "up_to_date"


def test_without_a_memory_it_is_judged_and_the_champion_stays(
    served: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    (served.target / "judged").write_text("not a directory")
    judged(served)
    assert "warning: what came out cannot be remembered" in capfd.readouterr().err


def test_a_champion_that_was_lost_and_found_is_challenged_until_it_can_be_served(served: Service) -> None:
    flip(served.target / "1" / "model.tflite")
    served.config["budget"]["max_size_kb"] = 0.1
    for _ in range(2):
        assert served.retrain().status == "over_budget"
    assert not (served.target / "judged").exists()


def test_what_is_not_within_the_budget_is_not_made_again(served: Service) -> None:
    served.write("february.csv", rows(300, seed=2))
    served.config["budget"]["max_size_kb"] = 0.1
    assert served.retrain().status == "over_budget"
    assert (
        "and its challenger was not promoted: no candidate is within the budget" in served.retrain().verdict
    )


def test_a_rollback_is_not_undone_by_the_next_retraining(bad: Service) -> None:
    bad.write("february.csv", rows(300, seed=2))
    assert bad.retrain().status == "deployed"
    switch.rollback(str(bad.target))
    result = bad.retrain()
    assert (result.status, bad.champion()["version"]) == ("up_to_date", 1)
    assert "its challenger was promoted as v2, which is not in service any more: better than v1" in told(
        result
    )
    bad.write("march.csv", rows(100, seed=3))
    assert bad.retrain().status == "deployed"
