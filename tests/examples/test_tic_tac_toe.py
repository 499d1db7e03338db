"""Tic-tac-toe: what is solved, how games are counted, and a compressed model that plays."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from stages.deployed import deployed, prepared
from stages.home import Home

from trimtab.artifacts import selection
from trimtab.config.config import Config


@pytest.fixture(scope="module")
def game(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "examples" / "tic_tac_toe.py"))


def best(game: dict[str, Any]) -> Any:
    """Returns a player that never errs."""
    value, after, free = game["value"], game["after"], game["free"]
    return lambda board, _: min(free(board), key=lambda move: value(after(board, move)))


def test_every_position_is_solved(game: dict[str, Any], tmp_path: Path) -> None:
    game["solve"](tmp_path / "positions.csv")
    rows = (tmp_path / "positions.csv").read_text().splitlines()[1:]
    assert len(rows) == 4520  # of 5,478 that can be reached, those that are not over
    assert ",".join(["free"] * 9 + ["a1|a2|a3|b1|b2|b3|c1|c2|c3", "drawn"]) in rows
    assert ",".join(["own"] * 2 + ["free"] + ["other"] * 2 + ["free"] * 4 + ["a3", "won"]) in rows


def test_games_are_counted_for_the_first_player_whoever_begins(game: dict[str, Any]) -> None:
    perfect = best(game)
    ends = game["match"](perfect, game["at_random"], games=200, opening=0)
    assert ends["lost"] == 0
    assert ends["won"] > 0.8
    assert ends["interval"][0] < ends["points"] < ends["interval"][1]
    turned = game["match"](game["at_random"], perfect, games=200, opening=0)
    assert turned["won"] == 0
    assert game["match"](perfect, perfect, games=20, opening=0)["drawn"] == 1


@pytest.mark.slow
def test_a_compressed_model_plays(
    game: dict[str, Any], root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    game["solve"](tmp_path / "positions.csv")
    asked = yaml.safe_load((root / "examples" / "tic_tac_toe.yaml").read_text())
    asked["data"] |= {"train": str(tmp_path / "positions.csv"), "workers": 1}
    asked["train"] |= {"epochs": 15}
    asked["budget"]["outputs"] = {name: {"max_accuracy_drop": 0.2} for name in ("moves", "end")}
    targets = {}
    for name, recipes in {"small": ["int8"], "floats": ["none"]}.items():
        targets[name] = str(tmp_path / name)
        home = Home(tmp_path / "runs", run=name)
        prepared(
            home, Config.model_validate({**asked, "recipes": recipes, "deploy": {"target": targets[name]}})
        )
        deployed(home)
        assert (selection.read(home.run)[1].chosen == "none--none") == (name == "floats")
    capsys.readouterr()
    game["play"](targets["small"], targets["floats"], 200)
    against_chance, against_floats, speeds = map(json.loads, capsys.readouterr().out.splitlines())
    assert against_chance["points"] > 0.85
    low, high = against_floats["interval"]
    assert low - 0.05 < 0.5 < high + 0.05
    assert np.array(list(speeds["moves_per_second"].values())).min() > 100
