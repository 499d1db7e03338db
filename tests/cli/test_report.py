"""`trimtab report`: what it prints, and the page that it opens."""

import webbrowser

import pytest
from click.testing import CliRunner

from trimtab.cli import cli
from trimtab.errors import ConfigError
from trimtab.report.result import Result


@pytest.fixture
def run(tmp_path):
    directory = tmp_path / "one"
    directory.mkdir()
    result = Result(run_id="one", status="over_budget", verdict="Nothing was deployed.", config={})
    (directory / "result.json").write_text(result.model_dump_json())
    (directory / "report.html").write_text("<!doctype html>")
    return directory


@pytest.fixture
def opened(monkeypatch):
    """Returns what the browser was told to open."""
    found = []
    monkeypatch.setattr(webbrowser, "open", lambda uri: bool(found.append(uri)) or True)
    return found


def test_it_prints_the_outcome_and_opens_nothing(run, opened):
    done = CliRunner().invoke(cli, ["report", "one", "--output", str(run.parent)])
    assert done.exit_code == 0
    assert "Nothing was deployed." in done.output
    assert opened == []


def test_open_opens_the_page(run, opened):
    done = CliRunner().invoke(cli, ["report", str(run), "--open"])
    assert done.exit_code == 0
    assert opened == [(run / "report.html").as_uri()]


def test_without_a_browser_the_place_is_told(run, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    done = CliRunner().invoke(cli, ["report", str(run), "--open"])
    assert f"no browser here: open {run / 'report.html'}" in done.output


@pytest.mark.parametrize(("missing", "options"), [("result.json", []), ("report.html", ["--open"])])
def test_a_run_that_is_not_finished_is_a_typed_error(run, opened, missing, options):
    (run / missing).unlink()
    done = CliRunner().invoke(cli, ["report", str(run), *options])
    assert isinstance(done.exception, ConfigError)
    assert f"no {missing}: not a finished run" in done.exception.message
    assert opened == []


def test_an_outcome_that_was_damaged_is_a_typed_error(run):
    file = run / "result.json"
    file.write_text(file.read_text().replace("Nothing was deployed.", "Nothing was deploymd."))
    done = CliRunner().invoke(cli, ["report", str(run)])
    assert isinstance(done.exception, ConfigError)
    assert "is damaged, or of another version" in done.exception.message
