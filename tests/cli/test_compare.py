"""`trimtab compare`: several runs side by side."""

import json

import pytest
from click.testing import CliRunner

from trimtab.cli import cli
from trimtab.errors import ConfigError
from trimtab.report.result import Result


@pytest.fixture
def runs(tmp_path):
    for name, ratio in (("one", 0.25), ("two", 0.5)):
        (tmp_path / name).mkdir()
        config = {"name": name, "recipes": [[{"channels": {"ratio": ratio}}]], "seed": 7}
        result = Result(run_id=name, status="over_budget", verdict="Nothing was deployed.", config=config)
        (tmp_path / name / "result.json").write_text(result.model_dump_json())
    return tmp_path


def compare(runs, *options):
    return CliRunner().invoke(cli, ["compare", "one", "two", "--output", str(runs), *options])


def test_it_says_what_came_of_each_and_in_what_they_differ(runs):
    done = compare(runs)
    assert done.exit_code == 0
    assert "one: Nothing was deployed" in done.output
    assert "recipes: [[{'channels': {'ratio': 0.25}}]] | [[{'channels': {'ratio': 0.5}}]]" in done.output
    assert "seed" not in done.output, "it is the same in both"


def test_json_is_one_object_and_the_page_a_file(runs):
    done = compare(runs, "--json", "--html", str(runs / "across.html"))
    assert [run["run_id"] for run in json.loads(done.output)["runs"]] == ["one", "two"]
    assert "2 runs side by side" in (runs / "across.html").read_text()


def test_a_run_that_is_not_there_is_a_typed_error(runs):
    done = CliRunner().invoke(cli, ["compare", "one", "three", "--output", str(runs)])
    assert isinstance(done.exception, ConfigError)
    assert "no result.json" in done.exception.message
