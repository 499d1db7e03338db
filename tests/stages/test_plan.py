"""The plan stage as a component calls it; what follows from the champion is in ``test_retraining``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.config.config import Config
from trimtab.deploy.champion import Snapshot
from trimtab.stages import plan
from trimtab.stages.stage import records

CONFIG = {
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "mlp"},
    "recipes": [{"prune": {"method": "channels", "ratio": 0.5}, "quantize": ["int8"]}],
}


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., tuple[list[str], Snapshot, str]]:
    """Returns a function that runs the stage: the recipes, the snapshot, and the config as it is written."""

    def run(**sections: object) -> tuple[list[str], Snapshot, str]:
        target = {"deploy": {"target": str(tmp_path / "models")}}
        recipes = plan.run(
            config=Config.model_validate({**CONFIG, **target, **sections}).model_dump_json(),
            run=str(tmp_path / "run"),
            champion=str(tmp_path / "champion"),
            planned=str(tmp_path / "out" / "planned"),
        )
        text = (tmp_path / "out" / "planned").read_text()
        return recipes, Snapshot.open(tmp_path / "champion"), text

    return run


def test_without_a_champion_all_recipes_are_tried(planned: Callable[..., tuple]) -> None:
    recipes, snapshot, text = planned()
    assert recipes == ["none", "channels-0.5"]
    assert list(Config.model_validate_json(text).candidates()) == ["none--none", "channels-0.5--int8"]
    assert (snapshot.plan.version, snapshot.pointer, snapshot.record, snapshot.recipe()) == (None,) * 4


def test_what_looks_like_a_reference_of_argo_reaches_the_next_tasks_as_it_is(
    planned: Callable[..., tuple],
) -> None:
    _, _, text = planned(data={**CONFIG["data"], "label": "{{inputs.parameters.x}} {{{"})
    assert "{{" not in text
    assert json.loads(text)["data"]["label"] == "{{inputs.parameters.x}} {{{"


def test_a_repository_that_cannot_be_opened_says_nothing_of_the_champion(
    planned: Callable[..., tuple], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        planned(deploy={"target": "gs://No_Bucket/models"})
    assert ended.value.code == 2
    (record,) = records(str(tmp_path / "run"))
    assert "gs://No_Bucket" in record.error
    assert not (tmp_path / "champion").exists()
