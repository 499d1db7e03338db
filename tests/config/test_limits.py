from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from trimtab.config.budget import Budget
from trimtab.config.config import Config
from trimtab.config.limits import Limit
from trimtab.config.loader import load
from trimtab.errors import ConfigError


def load_budget(directory: Path, budget: dict[str, Any], task: str | None = None) -> Config:
    file = directory / "run.yaml"
    data = {"train": "rows.csv", "label": "y"} | ({"task": task} if task else {})
    text = yaml.safe_dump({"data": data, "model": {"architecture": "mlp"}, "budget": budget}, sort_keys=False)
    file.write_text(text)
    return load(file)


def test_limits_are_read_and_written_as_they_stand_in_the_file(tmp_path: Path) -> None:
    budget = {
        "limits": [
            {"metric": "roc_auc", "max_drop": 0.01},
            {"metric": "recall", "at": {"precision": 0.9}, "max_drop": 0.02},
            {"metric": "recall", "class": "fraud", "min": 0.8},
            {"metric": "log_loss", "max_increase": 0.1},
        ],
        "per_class": {"metric": "recall", "max_drop": 0.05},
        "slices": ["region", {"column": "age", "bins": [30, 60]}],
    }
    found = load_budget(tmp_path, budget).budget
    assert [(limit.kind, limit.value) for limit in found.limits] == [
        ("max_drop", 0.01),
        ("max_drop", 0.02),
        ("min", 0.8),
        ("max_increase", 0.1),
    ]
    assert found.limits[2].class_name == "fraud"
    assert found.columns == ["region", "age"]
    again = Budget.model_validate_json(found.model_dump_json())
    assert again == found
    assert '"class":"fraud"' in found.model_dump_json()


@pytest.mark.parametrize(("given", "name"), [(1, "1"), (True, "true"), (2.0, "2"), ("01", "01")])
def test_a_class_has_the_name_that_data_gives_it(given: Any, name: str) -> None:
    limit = Limit.model_validate({"metric": "recall", "class": given, "max_drop": 0.1})
    assert limit.class_name == name


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"metric": "recal", "max_drop": 0.1}, "did you mean recall?"),
        ({"metric": None, "max_drop": 0.1}, "expected one of accuracy, .*, module:function"),
        ({"metric": ["accuracy"], "max_drop": 0.1}, "expected one of accuracy, .*, module:function"),
        ({"metric": "accuracy"}, "expected exactly one of max_drop, max_increase, min, max; got none"),
        ({"metric": "accuracy", "max_drop": 0.1, "min": 0.5}, "got max_drop, min"),
        (
            {"metric": "accuracy", "max_increase": 0.1},
            "more is better: expected max_drop or min, got max_inc",
        ),
        (
            {"metric": "log_loss", "max_drop": 0.1},
            "less is better: expected max_increase or max, got max_drop",
        ),
        ({"metric": "accuracy", "class": "a", "max_drop": 0.1}, "accuracy takes no class"),
        ({"metric": "top_k", "max_drop": 0.1}, "top_k needs k"),
        ({"metric": "mine:cost", "k": 3, "max": 0.1}, "a function takes answers and labels only, not k"),
        ({"metric": "accuracy", "max_drop": 0}, "greater than 0"),
    ],
)
def test_a_limit_that_is_none_is_told_with_its_line(tmp_path: Path, limit: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_budget(tmp_path, {"limits": [limit]})
    assert caught.value.exit_code == 2
    assert str(caught.value.field).startswith("budget.limits.0")
    assert caught.value.line is not None


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"per_class": {"metric": "accuracy", "max_drop": 0.1}}, "accuracy is not a metric of one class"),
        ({"per_class": {"metric": "recall", "class": "a", "max_drop": 0.1}}, "of every class; name none"),
        ({"slices": [{"column": "age", "bins": [60, 30]}]}, "expected rising numbers"),
    ],
)
def test_parts_and_slices_are_checked(tmp_path: Path, budget: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_budget(tmp_path, budget)


def test_a_metric_that_does_not_judge_the_task_is_refused(tmp_path: Path) -> None:
    limits = {"limits": [{"metric": "roc_auc", "max_drop": 0.1}]}
    with pytest.raises(ConfigError, match="roc_auc does not judge regression") as caught:
        load_budget(tmp_path, limits, "regression")
    assert caught.value.field == "budget.limits.0.metric"
    load_budget(tmp_path, limits, "classification")
    load_budget(tmp_path, limits)  # the task is known when the data is


def test_a_short_form_has_a_default_where_nothing_else_limits_the_quality() -> None:
    limit = Limit(metric="roc_auc", max_drop=0.01)
    assert Budget().short_form("max_accuracy_drop") == 0.01
    assert Budget(max_error_increase=0.2).short_form("max_error_increase") == 0.2
    assert Budget(limits=[limit]).short_form("max_accuracy_drop") is None
    assert Budget(per_class=Limit(metric="recall", max_drop=0.1)).short_form("max_accuracy_drop") is None
    assert Budget(limits=[limit], max_accuracy_drop=0.1).short_form("max_accuracy_drop") == 0.1


def test_a_function_travels_with_the_config(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def cost(answers, labels):\n    return 0.0\n")
    found = load_budget(tmp_path, {"limits": [{"metric": "mine:cost", "max": 1.5}]}).budget
    assert found.functions() == ["mine:cost"]
    assert found.code is not None
    assert list(found.code.files) == ["mine.py"]
    with pytest.raises(ConfigError, match="is filled in by trimtab"):
        load_budget(tmp_path, {"code": {"files": {}, "sha256": ""}})


def test_values_are_immutable() -> None:
    with pytest.raises(ValidationError):
        Budget().limits = []  # type: ignore[misc]
