"""An image, fields and a text in, two answers out: an example on fewer rows, from data to retraining."""

from __future__ import annotations

import base64
import csv
import http.client
import json
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from stages.home import Home
from stages.retraining import constant_times

from trimtab.artifacts import comparison, selection
from trimtab.artifacts.hyperparameters import read
from trimtab.artifacts.selection import Selection
from trimtab.config.config import Config
from trimtab.deploy.predict import predict
from trimtab.evaluate import latency
from trimtab.stages import (
    check_data,
    compare,
    data_prep,
    deploy,
    evaluate,
    plan,
    prune,
    quantize,
    select,
    train,
    tune,
)
from trimtab.stages.verifying import verify

pytestmark = pytest.mark.slow

FIRST_ROWS = 1300
LIMITS = ["digit: accuracy", "price: mean absolute error"]
SMALL = {"picture/filters": 8, "picture/blocks": 2, "picture/convolutions": 1, "note/filters": 16}
DROPOUTS = ["dropout", "picture/dropout", "sign/dropout", "note/dropout"]
QUICKLY = {
    "model": {"architecture": "joined", "params": {**SMALL, **dict.fromkeys(DROPOUTS, 0.0)}},
    "tune": {"algorithm": "random", "trials": 1, "epochs": 1},
    "train": {"epochs": 12, "batch_size": 16, "learning_rate": 0.03},  # of which the search takes a part
    "retrain": {"epochs": 1},
    "recipes": [
        [{"channels": {"ratio": 0.1, "epochs": 1}}, "int8"],
        [{"qat": {"epochs": 1}}, "int8"],
    ],
    "budget": {
        "outputs": {"digit": {"max_accuracy_drop": 0.3}, "price": {"max_error_increase": 1.0}},
        "objective": "size",
    },
}


@pytest.fixture(scope="module")
def shop(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a directory with the example's data, of which a part is in the table."""
    path = tmp_path_factory.mktemp("shop")
    runpy.run_path(str(root / "examples" / "house_numbers.py"))["main"](path)
    (path / "offers.csv").rename(path / "everything")
    offer(path, FIRST_ROWS)
    return path


def offer(path: Path, rows: int | None) -> None:
    """Leaves so many rows, besides the header, where the config looks for them."""
    lines = (path / "everything").read_text().splitlines(keepends=True)
    (path / "offers.csv").write_text("".join(lines[: rows and rows + 1]))


@pytest.fixture(scope="module")
def config(root: Path, shop: Path) -> str:
    """Returns the example's config with less to learn, as JSON."""
    asked = yaml.safe_load((root / "examples" / "house_numbers.yaml").read_text())
    asked |= QUICKLY | {"deploy": {"target": str(shop / "deployed")}}
    asked["data"] |= {"train": str(shop / "offers.csv"), "workers": 1}
    return Config.model_validate(asked).model_dump_json()


def _no_latencies() -> None:
    latency.sample = constant_times


def _trained(run: str, dataset: str) -> str:
    return train.run(run, dataset, tune.run(run, dataset))


def _judged(run: str, dataset: str, trained: str) -> bool:
    """Takes a run from its trained model to the comparison; returns whether what was chosen has won."""
    quantized = quantize.run(run, "1/1", dataset, prune.run(run, "1/1", dataset, trained))
    assert select.run(run, dataset, trained, [evaluate.run(run, "1/1", dataset, quantized)])
    return compare.run(run, dataset)


def _planned(run: str, config: str) -> str:
    assert check_data.run(config, run, "", "")
    plan.run(run)
    return data_prep.run(run, retrain=True)


@pytest.fixture(scope="module")
def home(config: str, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Returns a run that has deployed what it made."""
    home = Home(tmp_path_factory.mktemp("runs") / "runs")
    home.dataset = home.task(data_prep.run, config)
    home.trained = home.task(_trained, home.dataset)
    assert home.task(_judged, home.dataset, home.trained, sabotage=_no_latencies)
    home.task(deploy.run, home.dataset, home.trained)
    return home


@pytest.fixture(scope="module")
def decided(home: Home) -> Selection:
    return selection.read(home.run)[1]


def test_the_search_is_over_the_branches_of_all_inputs(home: Home) -> None:
    found = read(home.store, home.store.open(home.trained, []).manifest.lineage["hyperparameters"])
    assert {"note/embedding", "sign/units", "units"} <= found.model.keys()


def test_what_ships_keeps_a_proven_limit_of_each_output(decided: Selection, shop: Path) -> None:
    assert [limit.name for limit in decided.proof.limits] == LIMITS
    assert decided.proof.proven, decided.proof.why_not
    candidates = {each.id: each for each in decided.candidates}
    assert [name.partition("-")[0] for name in candidates] == ["none", "channels", "qat"]
    for each in candidates.values():
        assert each.outputs["digit"].metrics["accuracy"] > 0.6, each.id
        assert each.outputs["price"].metrics["r2"] > 0.6, each.id
    assert decided.chosen != "none--none"
    verified = verify(str(shop / "deployed"))
    assert (verified.candidate, verified.proven) == (decided.chosen, True)


def test_rows_of_the_table_are_predicted_with_their_pictures(decided: Selection, shop: Path) -> None:
    with (shop / "offers.csv").open() as file:
        rows = list(csv.DictReader(file))
    pairs = list(zip(predict(str(shop / "deployed"), str(shop / "offers.csv")), rows, strict=True))
    assert sum(each["digit"]["label"] == row["digit"] for each, row in pairs) > 0.6 * len(rows)
    misses = [abs(each["price"]["value"] - float(row["price"])) for each, row in pairs]
    assert sum(misses) / len(misses) < 5  # of a mean of 15 euros


def test_a_request_has_an_answer_of_each_output(decided: Selection, shop: Path, tmp_path: Path) -> None:
    with (shop / "offers.csv").open() as file:
        row: dict[str, Any] = next(csv.DictReader(file))
    row["picture"] = {"b64": base64.b64encode((shop / row["picture"]).read_bytes()).decode()}
    asked = {name: row[name] for name in ("picture", "height_cm", "material", "note")}
    with _served(shop / "deployed", tmp_path / "log") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = json.dumps({"instances": [asked]})
        connection.request("POST", "/v1/models/deployed:predict", body)
        response = connection.getresponse()
        told = json.loads(response.read())
        assert response.status == 200, told
    answer, first = told["predictions"][0], next(predict(str(shop / "deployed"), str(shop / "offers.csv")))
    assert answer["digit"]["label"] == first["digit"]["label"]
    assert answer["price"]["value"] == pytest.approx(first["price"]["value"], rel=1e-3)


@contextmanager
def _served(target: Path, log: Path) -> Iterator[int]:
    """Yields the port of a server of the deployed model."""
    command = [sys.executable, "-m", "trimtab", "serve", "--host=127.0.0.1", "--port=0", str(target)]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stderr=stream)
    try:
        end = time.monotonic() + 60
        while '"serving"' not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield json.loads(log.read_text().splitlines()[0])["port"]
    finally:
        process.terminate()
        process.wait(60)


def test_with_more_rows_the_challenger_is_held_to_the_limits_of_both(
    home: Home, config: str, shop: Path
) -> None:
    offer(shop, None)
    again = Home(home.output, run="two")
    again.dataset = again.task(_planned, config)
    again.task(_judged, again.dataset, again.task(_trained, again.dataset), sabotage=_no_latencies)
    assert again.data().rows["test"] > home.data().rows["test"]
    compared = comparison.read(again.run, selection.read(again.run)[0])
    assert compared.version == 1
    assert [test.limit for test in compared.tests] == LIMITS
    assert compared.finding in ("better", "cheaper", "no_gain", "unproven")
