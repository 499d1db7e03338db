"""What a training takes where the config says nothing, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from trimtab.config.config import Config
from trimtab.errors import ConfigError
from trimtab.train.settings import TrainSettings


@dataclass
class Data:
    kind: str = "tabular"
    task: str = "regression"
    train: int = 400
    rows: dict[str, int] = field(init=False)
    schema: Any = field(init=False)

    def __post_init__(self) -> None:
        self.rows = {"train": self.train}
        self.schema = SimpleNamespace(input=SimpleNamespace(kind=self.kind), parts={}, task=self.task)


def of(data: Data, train: dict[str, Any] | None = None, **sections: Any) -> TrainSettings:
    base = {"data": {"train": "x.csv", "label": "y"}, "model": {"architecture": "mlp"}, "train": train or {}}
    return TrainSettings.of(Config.model_validate({**base, **sections}), data)  # type: ignore[arg-type]


def test_errors_are_learnt_that_are_limited_and_tell_trainings_apart() -> None:
    usual, limited = of(Data()), of(Data(), budget={"limits": [{"metric": "rmse", "max_increase": 0.1}]})
    assert (usual.errors, limited.errors) == ({"": "absolute"}, {"": "squared"})
    assert usual.digest != limited.digest
    assert of(Data(), {"loss": "huber"}).errors == {"": "huber"}


def test_errors_of_what_is_no_number_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"train.loss is huber, and what is learnt is classification"):
        of(Data(task="classification"), {"loss": "huber"})
