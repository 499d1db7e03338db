"""A model in service and data that changes: real stages, and LiteRT models of a known quality for Keras'.

What would need TensorFlow (training, pruning, quantizing) is replaced by logistic regressions, fitted on
the prepared data and spoiled at will; everything that decides is the real thing.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from stages.home import Home

from trimtab.artifacts.hyperparameters import read
from trimtab.artifacts.shard import QUANTIZED, Outcome
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy.champion import Snapshot
from trimtab.evaluate.turns import Served
from trimtab.report.result import Result
from trimtab.stages import (
    check_data,
    compare,
    data_prep,
    deploy,
    evaluate,
    plan,
    report,
    select,
    settings,
    tune,
)

ROWS = 1200
BAD = 6.0
"""How much a challenger is spoiled that has to lose."""

FORCED = ("ada@lab", "the label was wrong for a week")
CENTRES = {"a": (0.0, 0.0), "b": (3.0, 0.0), "c": (0.0, 3.0), "d": (3.0, 3.0)}


def rows(n: int, seed: int, classes: str = "abc", extra: int = 0) -> list[str]:
    """Returns lines of a CSV file: two features that tell the classes apart, then more that do not."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(list(classes), n)
    points = np.array([CENTRES[label] for label in labels]) + rng.normal(size=(n, 2))
    noise = rng.normal(size=(n, extra))
    return [
        ",".join([*(f"{value:.6f}" for value in (*point, *more)), label])
        for point, more, label in zip(points, noise, labels, strict=True)
    ]


def constant_times(models: dict[str, Served], *_: Any) -> dict[str, NDArray[np.int64]]:
    """Stands in for `latency.sample`, so that nothing hangs on how busy the machine is."""
    return {name: np.full((5, 40), 1_000_000) for name in models}


@dataclass
class Service:
    """One deployment target, its data and its config."""

    root: Path
    tflite: Callable[..., bytes]
    config: dict[str, Any] = field(default_factory=dict)
    runs: int = 0

    def __post_init__(self) -> None:
        (self.root / "data").mkdir(parents=True)
        self.config = {
            "data": {"train": str(self.root / "data"), "label": "label", "format": "csv", "workers": 1},
            "model": {"architecture": "mlp"},
            "recipes": [{"prune": "none", "quantize": ["float16"]}],
            "budget": {"max_accuracy_drop": 0.05, "objective": "size"},
            "deploy": {"target": str(self.target)},
        }

    @property
    def target(self) -> Path:
        return self.root / "deployed"

    def write(self, name: str, lines: list[str], extra: int = 0) -> None:
        header = ",".join(["x", "y", *(f"noise{i}" for i in range(extra)), "label"])
        (self.root / "data" / name).write_text("\n".join([header, *lines]) + "\n")

    def champion(self) -> dict[str, Any]:
        return json.loads((self.target / "champion.json").read_text())

    def retrain(
        self, *, spoiled: float = 0.0, padding: int = 0, forced: tuple[str, str] = ("", "")
    ) -> Result:
        """Runs the stages of the `retrain` pipeline in its order, and returns what the report says.

        Args:
            spoiled: How much noise is added to the weights of the challenger.
            padding: Bytes that are added to its file.
            forced: By whom, and why.
        """
        home = self.new_run()
        by, reason = forced
        if check_data.run(self.text, home.run, by, reason):
            promoted = self.challenge(home, spoiled=spoiled, padding=padding, forced=forced)
            if promoted is not None:
                deploy.run(*promoted)
        return self.report(home)

    def new_run(self) -> Home:
        self.runs += 1
        return Home(self.root, run=f"run-{self.runs}")

    @property
    def text(self) -> str:
        return Config.model_validate(self.config).model_dump_json()

    def report(self, home: Home) -> Result:
        report.run(home.run, str(Path(home.run, "out.html")), "retrain")
        return Result.model_validate_json(Path(home.run, "result.json").read_bytes())

    def challenge(
        self,
        home: Home,
        *,
        spoiled: float = 0.0,
        padding: int = 0,
        forced: tuple[str, str] = ("", ""),
    ) -> tuple[str, str, str] | None:
        """Runs the stages from `plan` to `compare`; returns the arguments of `deploy`, if it is to run."""
        plan.run(home.run)
        home.dataset = data_prep.run(home.run, retrain=True)
        hyperparameters = {"model": {"units": 8}}
        if Snapshot.open(home.run).record:
            hyperparameters = read(home.store, tune.run(home.run, home.dataset)).model_dump()
        name = Path(home.run).name
        model = home.model(name, hyperparameters=hyperparameters)
        files = self._candidates(home, home.model(f"{name}-pruned", b"pruned"), spoiled, padding)
        evaluated = evaluate.run(home.run, "1/1", home.dataset, home.outcomes(QUANTIZED, files))
        select.run(home.run, home.dataset, f"{model}-pruned", [evaluated])
        promote = compare.run(home.run, home.dataset, *forced)
        return (home.run, home.dataset, model) if promote else None

    def _candidates(self, home: Home, model: str, spoiled: float, padding: int) -> dict[str, Outcome]:
        """Keeps a file for each candidate that the plan asks for; all predict the same."""
        content, run = self._challenger(home.data(), spoiled), Path(home.run).name
        return {
            name: home.file(
                f"{run}-{name}", content + bytes(padding + (50_000 if name == "none--none" else 0)), model
            )
            for name in settings.of(home.run).candidates()
        }

    def _challenger(self, data: Dataset, spoiled: float) -> bytes:
        x, y = data.arrays("train")
        fitted = LogisticRegression(max_iter=1000).fit(data.model_input(x).reshape(len(x), -1), y)
        noise = np.random.default_rng(0).normal(0, spoiled, fitted.coef_.shape) if spoiled else 0.0
        weights = (fitted.coef_ + noise).astype(np.float32)
        return self.tflite(weights, fitted.intercept_.astype(np.float32), shape=data.schema.input.shape)


class Begun:
    """Services as they were at a point that several tests begin at: each is made once.

    All are at one place, which runs, champions and what is remembered of them know: a copy elsewhere is none.

    Args:
        place: That place.
        copies: An empty directory for what was there.
    """

    def __init__(self, place: Path, copies: Path) -> None:
        self.place, self._copies = place, copies
        self._services: dict[str, Service] = {}

    def at(self, point: str, make: Callable[[], Any]) -> Any:
        """Returns a service as it was at a point, for one test to change.

        Args:
            point: The point's name.
            make: Makes it at the place, which is empty, or begins with another point; is called once.
        """
        copied = self._copies / point
        shutil.rmtree(self.place, ignore_errors=True)
        if point in self._services:
            shutil.copytree(copied, self.place)
        else:
            self._services[point] = make()
            shutil.copytree(self.place, copied)
        return copy.deepcopy(self._services[point])


def told(result: Result) -> str:
    """Returns everything that a person reads of a retraining."""
    retrain = result.retrain
    assert retrain is not None
    return "\n".join([result.verdict, *retrain.reasons, *retrain.schema_changes])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
