"""The plan stage as a component calls it; what follows from the champion is in ``test_retraining``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stages.home import Home

from trimtab.artifacts.plan import PlanSummary
from trimtab.artifacts.record import read_records
from trimtab.config.config import Config
from trimtab.deploy import champion
from trimtab.deploy.champion import Snapshot
from trimtab.stages import plan, settings

CONFIG = {
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "mlp"},
    "recipes": [{"prune": {"method": "channels", "ratio": 0.5}, "quantize": ["int8"]}],
}


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., tuple[Snapshot, Config]]:
    """Returns a function that runs the stage: the snapshot, and the config by which the run goes on."""

    def run(**sections: object) -> tuple[Snapshot, Config]:
        target = {"deploy": {"target": str(tmp_path / "models")}}
        home = Home(tmp_path / "runs", config=Config.model_validate({**CONFIG, **target, **sections}))
        plan.run(home.run)
        return Snapshot.open(home.run), settings.of(home.run)

    return run


def test_without_a_champion_all_recipes_are_tried(planned: Callable[..., tuple], tmp_path: Path) -> None:
    snapshot, config = planned()
    assert list(config.branches()) == ["none", "channels-0.5"]
    assert (snapshot.plan.version, snapshot.pointer, snapshot.record, snapshot.recipe()) == (None,) * 4
    (record,) = read_records(str(tmp_path / "runs" / "one"))
    assert record.read(PlanSummary).candidates == ["none--none", "channels-0.5--int8"]


def test_only_a_retraining_has_a_snapshot(planned: Callable[..., tuple], tmp_path: Path) -> None:
    assert champion.snapshot(str(tmp_path / "runs" / "one")) is None
    planned()
    assert champion.snapshot(str(tmp_path / "runs" / "one")) is not None


def test_a_repository_that_cannot_be_opened_says_nothing_of_the_champion(
    planned: Callable[..., tuple], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        planned(deploy={"target": "gs://No_Bucket/models"})
    assert ended.value.code == 2
    (record,) = read_records(str(tmp_path / "runs" / "one"))
    assert "gs://No_Bucket" in record.error
    assert not (tmp_path / "runs" / "one" / "champion").exists()
