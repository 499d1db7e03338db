"""The way of a config to the first task, as an argument or as a file."""

import json

import pytest

from trimtab.cli import config_argument
from trimtab.config.config import Config
from trimtab.storage.store import open_store


def config(columns):
    data = {"train": "rows.csv", "label": "y", "drop": [f"column {number}" for number in range(columns)]}
    return Config.model_validate({"data": data, "model": {"architecture": "mlp"}})


@pytest.fixture(params=["here", "there"])
def output(request, tmp_path, emulator):
    return str(tmp_path / "runs") if request.param == "here" else "gs://bucket/runs"


def test_a_small_config_is_the_argument_itself(output, tmp_path, emulator):
    assert Config.model_validate_json(config_argument.argument(config(3), output)) == config(3)
    assert not (tmp_path / "runs").exists()
    assert emulator.contents("bucket") == {}


def test_a_config_of_more_than_a_megabyte_is_a_file_that_is_named_by_its_content(output):
    large = config(70_000)
    uri = config_argument.argument(large, output)
    assert uri.startswith(f"{output}/configs/")
    assert config_argument.argument(large, f"{output}/") == uri
    directory, _, name = uri.rpartition("/")
    content = open_store(directory).read(name)
    assert len(content) > 1_000_000
    assert Config.model_validate_json(content) == large
    assert config_argument.argument(config(70_001), output) != uri


def test_the_limit_counts_what_quoting_adds(output):
    """The argument is JSON inside of JSON."""
    columns = ['"' * 50 for _ in range(100)]
    quoted = config(0).model_copy(update={"data": config(0).data.model_copy(update={"drop": columns})})
    assert len(quoted.as_argument()) > 10_000
    assert config_argument.argument(quoted, output).endswith(".json")
    assert json.loads(config_argument.argument(config(10), output))
