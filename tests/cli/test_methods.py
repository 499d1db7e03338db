"""`trimtab methods`: all that is registered, for people and for programs."""

from __future__ import annotations

import json

from click.testing import CliRunner

from trimtab import registry
from trimtab.cli import cli


def shown(*options: str) -> str:
    found = CliRunner().invoke(cli, ["methods", *options])
    assert found.exit_code == 0, found.output
    return found.output


def test_programs_get_every_pass_and_quantization_with_its_parameters() -> None:
    entries = json.loads(shown("--json"))
    assert {entry["name"] for entry in entries} >= {*registry.PASSES, "none", "int8"}
    assert {entry["gives"] for entry in entries} == {"keras", *registry.RUNTIMES}
    (channels,) = (entry for entry in entries if entry["name"] == "channels")
    assert channels["needs"] == ["data", "gradients", "labels"]
    ratio = channels["parameters"][0]
    assert (ratio["name"], ratio["main"], ratio["default"]) == ("ratio", True, 0.5)
    assert (ratio["range"], ratio["search"]) == ("> 0, < 1", {"low": 0.1, "high": 0.75, "log": False})


def test_people_get_tables() -> None:
    out = shown()
    for name in (*registry.PASSES, "calibration_examples", "ratio *", "0.1 to 0.75"):
        assert name in out


def test_every_parameter_says_what_it_means_and_what_to_search() -> None:
    for entry in json.loads(shown("--json")):
        for parameter in entry["parameters"]:
            assert parameter["description"], (entry["name"], parameter["name"])
            assert parameter["search"], (entry["name"], parameter["name"])
