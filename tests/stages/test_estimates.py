"""What a run says of an estimate, in every place that it says something: never that anything is proven."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from stages.retraining import constant_times, rows
from stages.test_run_challenges import Runs

from trimtab.cli import cli
from trimtab.evaluate import latency
from trimtab.report.result import Result
from trimtab.report.table import print_summary
from trimtab.stages import children
from trimtab.stages.verifying import verify

MIXED = {"limits": [{"metric": "log_loss", "max_increase": 0.5}]}
"""Of the accuracy the level is kept on 400 rows, of the log loss it is not."""

ASKED = {"max_accuracy_drop": 0.0005, "proof": "estimate"}
"""No candidate can be proven to lose as little, on so few rows."""

_SAID = re.compile(r"\b(prove[dns]?|proof)\b", re.IGNORECASE)
_ALLOWED = (
    # That it is none, what the rows could do, and names of settings, files and keys.
    r"no proof\b",
    r"nothing is proven, only estimated",
    r"rows can prove (a drop of )?[\d.]+ points",
    r"budget\.proof",
    r"\bproof: (estimate|required)",
    r'^\s*"?proof"?: *\{?$',
    r'"proof": ?("estimate|"required"|\{)',
    r"\bproof\.(npz|json)",
)


class Said:
    """A run whose proof is an estimate, and all that it says.

    Args:
        root: Where it is.
        tflite: Makes models.
        budget: What its config asks for.
    """

    def __init__(self, root: Path, tflite: Callable[..., bytes], budget: dict[str, Any]) -> None:
        self.service = Runs(root, tflite)
        self.service.write("january.csv", rows(2000, seed=0))
        self.service.config["budget"] |= budget
        self.service.config["recipes"] = [{"prune": "none", "quantize": ["float16", "int8"]}]
        self.root = root
        self.result: Result = self.service.run()

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yields each output by name."""
        run, target = self.root / "run-1", self.service.target
        for folder in (run, target):
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                if file.suffix not in (".npz", ".tflite", ".keras"):
                    yield str(file.relative_to(self.root)), file.read_bytes().decode("utf-8", "replace")
        for width in (80, 160):
            console = Console(file=io.StringIO(), width=width)
            print_summary(self.result, console)
            yield f"terminal, {width} wide", " ".join(console.file.getvalue().split())
        commands = (
            ["compare", str(run), str(run), "--html", str(self.root / "both.html")],
            ["compare", str(run), str(run), "--json"],
            ["report", str(run)],
            ["history", str(target)],
            ["verify", str(target)],
        )
        for command in commands:
            done = CliRunner().invoke(cli, command, standalone_mode=False)
            assert done.exception is None, (command, done.exception)
            yield " ".join(command), " ".join(done.output.split())
        yield "page of both", (self.root / "both.html").read_text()


@pytest.fixture(scope="module", params=[MIXED, ASKED], ids=["mixed", "asked for"])
def said(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    linear_tflite: Callable[..., bytes],
) -> Said:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "sample", constant_times)
        patch.setattr(children, "_can_fork", lambda: True)
        return Said(tmp_path_factory.mktemp("said"), linear_tflite, request.param)


def proven_in(text: str, keys: str) -> list[str]:
    """Returns where a text says that something is proven, with what stands around it.

    Args:
        text: All of it.
        keys: What may stand for the key "proven" of JSON.
    """
    text = re.sub(rf'\\*"proven\\*": ?({keys})', "", text)
    rest = re.sub("|".join(f"(?:{allowed})" for allowed in _ALLOWED), "", text, flags=re.MULTILINE)
    return [rest[max(0, found.start() - 60) : found.end() + 40] for found in _SAID.finditer(rest)]


def test_an_estimate_ships_and_no_place_says_proven(said: Said) -> None:
    assert said.result.status == "deployed"
    assert not said.result.proof.proven
    assert said.result.proof.why_not
    places = dict(said.texts())
    assert any("tfevents" in name for name in places)
    assert {"run-1/result.json", "deployed/1/metadata.json"} <= set(places)
    # Of a limit by itself it may be so.
    keys = "false" if said.result.proof.rule == "estimate" else "false|true"
    found = {name: hits for name, text in places.items() if (hits := proven_in(text, keys))}
    assert found == {}
    for name in ("run-1/report.html", "run-1/MODEL_CARD.md", "terminal, 80 wide"):
        assert "no proof" in places[name], name


def test_what_it_ships_by_was_observed_or_no_more_than_estimated(said: Said) -> None:
    stored = verify(str(said.service.target))
    assert not stored.proven
    claim = json.loads((said.service.target / "1" / "metadata.json").read_bytes())["proof"]
    assert "which is no proof" in claim
    tests = said.result.proof.tested[0].limits
    if said.result.proof.rule == "estimate":
        assert tests[0].loss <= 0.0005 < tests[0].upper_bound
        assert '"proven":true' not in said.result.model_dump_json()
    else:
        assert said.result.proof.proven is False
        assert [test.proven for test in tests] == [True, False]
