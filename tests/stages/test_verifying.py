"""A deployed proof, computed again; and what is found of one that was changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from stages.retraining import constant_times, rows
from stages.test_run_challenges import Runs

from trimtab.artifacts import claim as claims
from trimtab.cli.verify import command
from trimtab.deploy.repository import Repository
from trimtab.errors import ArtifactError, ProofError
from trimtab.evaluate import latency
from trimtab.report.result import Result
from trimtab.stages.verifying import verify
from trimtab.storage import artifact


@pytest.fixture(scope="module")
def served_template(tmp_path_factory: pytest.TempPathFactory, linear_tflite: Callable[..., bytes]) -> Path:
    return deployed(tmp_path_factory.mktemp("run"), linear_tflite)[0]


@pytest.fixture
def served(tmp_path: Path, served_template: Path) -> Path:
    """Returns the repository of a model in service, which is all that there is of it."""
    return Path(shutil.copytree(served_template, tmp_path / "deployed"))


def deployed(root: Path, linear_tflite: Callable[..., bytes], **budget: Any) -> tuple[Path, Result]:
    """Returns the repository of a model that was deployed, and the result of its run."""
    service = Runs(root, linear_tflite)
    service.write("january.csv", rows(2000, seed=0))
    service.config["budget"] |= {"limits": [{"metric": "log_loss", "max_increase": 0.5}], **budget}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "sample", constant_times)
        result = service.run()
    assert result.status == "deployed"
    for path in (each for each in root.iterdir() if each != service.target):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return service.target, result


def forge(target: Path, **changes: Any) -> None:
    """Changes the claim of version 1, with a manifest that fits."""
    with Repository(str(target)).fetched(1) as found:
        claim = json.loads((found.path / claims.CLAIM_FILE).read_bytes())
        for path, value in changes.items():
            *parents, last = path.split("__")
            inner = claim
            for name in parents:
                inner = inner[int(name)] if name.isdecimal() else inner[name]
            inner[last] = value
        lineage = dict(found.lineage)
        shutil.rmtree(target / "1")
        with artifact.create(target / "1", "deployment") as draft:
            shutil.copytree(found.path, draft.path, dirs_exist_ok=True)
            (draft.path / artifact.MANIFEST).unlink()
            (draft.path / claims.CLAIM_FILE).write_text(json.dumps(claim))
            draft.lineage = lineage


def test_every_number_is_what_the_answers_say(served: Path) -> None:
    found = verify(str(served))
    assert (found.version, found.candidate) == (1, "none--float16")
    assert not found.proven, "as it was claimed: a log loss on so few examples is an estimate"
    assert found.examples > 300
    assert found.numbers > 20


def test_the_command_says_so(served: Path) -> None:
    done = CliRunner().invoke(command, [str(served)], standalone_mode=False)
    assert done.return_value == 0
    assert done.output.startswith("version 1, none--float16: all ")
    done = CliRunner().invoke(command, [str(served), "--json"], standalone_mode=False)
    assert json.loads(done.output)["candidate"] == "none--float16"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"drop__upper_bound": 0.001},
            "the upper limit of the loss: it says 0.001, computed again it is 0.0",
        ),
        ({"proof__tested__0__limits__0__upper_bound": 0.001}, "none--float16: accuracy: upper_bound"),
        ({"proof__tested__0__confidence": 0.99}, "none--float16: the confidence it was tested at"),
        ({"proof__limits__0__max_loss": 0.9}, "accuracy: max_loss"),
        ({"proof__limits__0__value": 0.9}, "accuracy: value"),
        ({"proof__tested__0__upper_bound": 0.001}, "none--float16: the upper limit of the first loss"),
        ({"proof__proven": True}, "whether it is a proof"),
        ({"proof__confidence": 0.99}, "the confidence"),
        ({"proof__reuse__asked": 0.99}, "the confidence asked for"),
        ({"proof__order__0__share": 1.5}, "the shares of the level"),
        ({"proof__rule": "shared_sequences"}, "the rule"),
        ({"drop__examples": 100_000}, "test examples of the loss"),
        ({"proof__order__0__candidate": "other"}, "other: its answers are not among those"),
        ({"proof__order__0__then": "other"}, "the order goes on with other"),
        ({"task": "other"}, "it is of the task other"),
        ({"budget__size": "other"}, "its budget cannot be read"),
        ({"proof__examples": 100_000}, "test examples: it says 100000"),
        ({"chosen": "none--none"}, "the candidate that is deployed"),
        ({"thresholds": {"none--none": [], "none--float16": [0.4]}}, "its thresholds"),
        ({"budget__max_accuracy_drop": 0.2}, "accuracy: max_loss"),
    ],
)
def test_a_number_that_is_another_one_is_named(served: Path, changes: dict[str, Any], what: str) -> None:
    forge(served, **changes)
    with pytest.raises(ProofError) as caught:
        verify(str(served))
    assert caught.value.message.startswith(what)
    assert caught.value.path == str(served / "1")


def test_a_flipped_bit_is_found_before_anything_is_computed(served: Path) -> None:
    file = served / "1" / claims.ROWS_FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=r"proof\.npz"):
        verify(str(served))


def test_a_version_without_its_proof_says_what_to_do(served: Path, tmp_path: Path) -> None:
    with Repository(str(served)).fetched(1) as found, pytest.raises(ArtifactError, match="was not stored"):
        (found.path / claims.CLAIM_FILE).unlink()
        claims.read(found.path, "v1")


def test_what_is_stored_is_small(served: Path) -> None:
    """A float of each output of each candidate: no more than that."""
    with np.load(served / "1" / claims.ROWS_FILE) as stored:
        raw = sum(stored[name].nbytes for name in stored.files)
    assert (served / "1" / claims.ROWS_FILE).stat().st_size < raw
