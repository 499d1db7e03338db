"""What becomes of presets' architectures: the table of docs/presets.md.

    PYTHONPATH=tests python -m models.preset_table KEPT.jsonl     # goes on where it ended, writes the page

Each cell is what a run does of it: data that is read by the preset's own tokens or size, the model that is
built of the preset, saved and loaded, a pass with one step of training, the runtime's files, and answers that
they give. Each is made in a child with a limit of time, and kept in a line of a file.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
from models.preset_kinds import PRESETS, TEXTS, Preset

from trimtab.batch import fed
from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.ending import write
from trimtab.config.chains import Ending, Step
from trimtab.config.config import Config
from trimtab.config.fine_tuning import FineTuning
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.few import few
from trimtab.data.prepare.prepare import prepare
from trimtab.errors import TrimtabError
from trimtab.models import archive, registry
from trimtab.registry import PASSES, module
from trimtab.runtimes.registry import runtime
from trimtab.stages.making.brief import BRIEF, short
from trimtab.stages.model_form import form_of
from trimtab.storage import artifact
from trimtab.train import loop
from trimtab.train.library import KERAS
from trimtab.train.settings import TrainSettings
from trimtab.train.spec import model_spec

PAGE = Path(__file__).parents[2] / "docs" / "presets.md"
RUNTIME = "litert"
ROWS, STEP_ROWS = 64, 16
SECONDS = {"built": 600, "cell": 600}
COLUMNS: dict[str, tuple[str | None, str]] = {
    "none": (None, "none"),
    "float16": (None, "float16"),
    "dynamic_int8": (None, "dynamic_int8"),
    "int8": (None, "int8"),
    "magnitude": ("magnitude", "none"),
    "qat": ("qat", "int8"),
}
"""The pass, and the quantization that ends it."""

_IMPORTED = (
    "keras_hub",
    "sentencepiece",
    "tokenizers",
    "tensorflow.lite.python.convert",
    "tensorflow.lite.python.lite",
    "trimtab.models.presets.build",
    "trimtab.compress.magnitude",
    "trimtab.compress.qat",
    "trimtab.compress.rounding.model",
    "trimtab.runtimes.litert.convert",
    "trimtab.runtimes.litert.model",
    "trimtab.runtimes.litert.masked",
    "trimtab.runtimes.litert.slim",
    "trimtab.runtimes.litert.mixed",
    "trimtab.runtimes.litert.traits",
)

HEADER = """# What becomes of presets

Made by `make presets`: an architecture a row, with random weights; each cell is made as a run makes it, from
rows of its data to the answers of LiteRT's files. `magnitude` (then floats) and `qat` (then 8 bits) are
trained for one step. **Real** are those with as many layers, as wide, as what is published, for smaller
images; of the others the blocks are, and there are fewer.

"""


def config_of(name: str, directory: Path) -> Config:
    """Returns the config of a run of an architecture, whose data and preset are in a directory."""
    preset = PRESETS[name]
    data = directory / ("rows.npz" if preset.size else "rows.csv")
    return Config.model_validate(
        {
            "name": "preset",
            "data": {"train": str(data), "workers": 1, "label": "y" if preset.size else "label"},
            "model": {"preset": str(directory / "preset") if preset.make else name},
        }
    )


def build(name: str, directory: Path) -> None:
    """Leaves an architecture's data, and its model as a run builds it, in a directory.

    Raises:
        TrimtabError: If a run would.
    """
    preset = PRESETS[name]
    keras.utils.set_random_seed(1)
    if preset.make is not None:
        preset.make(directory / "preset")
    _write_rows(preset, directory)
    config = config_of(name, directory)
    with artifact.create(directory / "dataset", "dataset") as draft:
        form = form_of(config.model)[0]
        draft.counts = dict(prepare(config.data, seed=0, directory=draft.path, form=form).rows)
    spec = model_spec(Dataset.open(directory / "dataset").schema)
    registry.build(config.model, spec, keras_tuner.HyperParameters()).save(directory / "model.keras")


def _write_rows(preset: Preset, directory: Path) -> None:
    generator = np.random.default_rng(0)
    if preset.size:
        x = generator.integers(0, 256, (ROWS, preset.size, preset.size, 3)).astype(np.uint8)
        np.savez(directory / "rows.npz", x=x, y=np.arange(ROWS) % 2)
        return
    lines = [f"{TEXTS[place % len(TEXTS)]} {place % 7},{'ab'[place % 2]}" for place in range(ROWS)]
    (directory / "rows.csv").write_text("\n".join(["text,label", *lines, ""]))


def cell(name: str, column: str, directory: Path) -> int:
    """Makes a cell of an architecture that is built, and returns how many bytes its files have.

    Raises:
        TrimtabError: If it cannot be made.
    """
    config, (step, quantization) = config_of(name, directory), COLUMNS[column]
    model, context = archive.load(directory / "model.keras", config.model), _context(config, directory)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        if step is not None:
            made = apply(short(Step(step, module(PASSES, step).PASS.params())), model, context)
            made.save(f"{scratch}/made.keras")
            model = archive.load(Path(scratch) / "made.keras", config.model)
        params = runtime(RUNTIME).quantizers[quantization].params
        ending = Ending(column, Step(quantization, params()), RUNTIME)
        written = write(model, ending, Path(scratch) / "files", context)
        if not np.isfinite(written.difference):
            raise TrimtabError("its answers are no numbers", field=name)
        return sum(file.stat().st_size for file in (Path(scratch) / "files").iterdir())


def _context(config: Config, directory: Path) -> Context:
    data = few(Dataset.open(directory / "dataset"), STEP_ROWS, Path(tempfile.mkdtemp(dir=directory)))
    settings = TrainSettings.of(config, data, {**BRIEF, "batch_size": STEP_ROWS})

    def fine_tune(
        model: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = (), library: Any = None
    ) -> None:
        loop.fit(
            model,
            data,
            settings.for_fine_tuning(tuning),
            label="preset",
            callbacks=callbacks,
            library=library or KERAS,
        )

    return Context(
        seed=1,
        task=data.schema.task,
        steps_per_epoch=1,
        fine_tune=fine_tune,
        calibration=cache(lambda n: fed(data.sample("train", min(n, STEP_ROWS), 1)[0])),
        say=lambda _text: None,
    )


def _child(work: Any, arguments: tuple[Any, ...], pipe: Any) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        pipe.send(("works", work(*arguments)))
    except TrimtabError as error:
        pipe.send(("refused", " ".join(error.message.split())[:200]))
    except BaseException as error:
        text = (str(error).strip() or "-").splitlines()[0][:200]
        pipe.send(("broken", f"{type(error).__name__}: {text}"))


def tried(work: Any, arguments: tuple[Any, ...], seconds: float) -> dict[str, Any]:
    """Returns what comes of work in a child: its state, its value or the reason, and how long it took."""
    fork, start = multiprocessing.get_context("fork"), time.monotonic()
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(target=_child, args=(work, arguments, sender))
    child.start()
    sender.close()
    try:
        state, value = receiver.recv() if receiver.poll(seconds) else ("broken", f"more than {seconds:g} s")
    except EOFError:
        child.join()
        state, value = "broken", f"the process ended with {child.exitcode}"
    child.kill()
    child.join()
    return {"state": state, "value": value, "seconds": round(time.monotonic() - start, 1)}


def _preload() -> None:
    """Imports what each child would, which takes longer than most of what it does."""
    for name in _IMPORTED:
        import_module(name)


def run(kept: Path, names: Sequence[str], scratch: Path) -> None:
    """Makes the cells that are not kept, and keeps each as it is there."""
    _preload()
    known = read(kept)
    for name in names:
        missing = [column for column in COLUMNS if column not in known.get(name, {})]
        if not missing:
            continue
        directory = scratch / name.replace("/", "-").replace(" ", "-")
        directory.mkdir()
        built = tried(build, (name, directory), SECONDS["built"])
        for column in missing:
            found = built
            if built["state"] == "works":
                found = tried(cell, (name, column, directory), SECONDS["cell"])
            line = {"preset": name, "column": column, **found}
            with kept.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)


def read(kept: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns the cells that are kept, by architecture and column; the last of each counts."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in kept.read_text().splitlines() if kept.is_file() else ():
        each = json.loads(line)
        found.setdefault(each["preset"], {})[each["column"]] = each
    return found


def table(cells: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Returns the page: a row an architecture, a column a method, and the reasons below."""
    reasons: list[str] = []
    lines = [f"| | real | kB | {' | '.join(f'`{column}`' for column in COLUMNS)} |"]
    lines.append("|---" * (len(COLUMNS) + 3) + "|")
    done = [each for row in cells.values() for each in row.values()]
    works = sum(each["state"] == "works" for each in done)
    for name, row in cells.items():
        whole = row.get("none", {})
        size = f"{whole['value'] // 1000:,}" if whole.get("state") == "works" else ""
        shown = [_shown(row.get(column), reasons) for column in COLUMNS]
        real = "real" if PRESETS[name].is_real else ""
        lines.append(f"| {name.removeprefix('keras_')} | {real} | {size} | {' | '.join(shown)} |")
    told = f"{works} of {len(done)} cells of {len(cells)} architectures work ({works / len(done):.0%}).\n"
    notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return "\n".join([told, *lines, "", *notes, *([""] if notes else [])])


def _shown(found: Mapping[str, Any] | None, reasons: list[str]) -> str:
    if found is None:
        return "not tried"
    if found["state"] == "works":
        return "works"
    if found["value"] not in reasons:
        reasons.append(found["value"])
    return f"{found['state']} ({reasons.index(found['value']) + 1})"


def main(kept: str, *names: str) -> None:
    """Makes what is missing, of some architectures or all, and writes the page."""
    with tempfile.TemporaryDirectory(prefix="trimtab-presets-") as scratch:
        run(Path(kept), names or list(PRESETS), Path(scratch))
    found = read(Path(kept))
    PAGE.write_text(HEADER + table({name: found[name] for name in PRESETS if name in found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
