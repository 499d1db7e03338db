"""`trimtab compress`: the `compress` DAG for a model that is trained already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.forced import force_options, pipeline
from trimtab.cli.launch import launch, launch_options

if TYPE_CHECKING:
    from trimtab.config.config import Config

_EPILOG = """
Exit codes: 0 a model inside the budget was deployed, or is in service already; 2 the model or the data is
unusable; 3 everything ran, and no candidate met the budget or the model in service stays; 4 the test rows are
too few for the budget, and nothing was made; 5 no other candidate met it, and the model itself was deployed;
75 a task was told to stop, and --resume goes on; 1 anything else.
"""


@click.command("compress", epilog=_EPILOG)
@launch_options("MODEL")
@click.option("--data", metavar="FILE", help="Labelled rows that the model has never seen: the proof's.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="COLUMN",
    help="The column or array of the labels; of several outputs, once for each, of its name.",
)
@click.option(
    "--train", metavar="FILE", help="Training rows: for fine-tuning after a cut, and for calibration."
)
@force_options("Deploy what comes out, also where it is not proven as good as the champion.")
def command(
    data: str | None,
    labels: tuple[str, ...],
    train: str | None,
    force: bool,
    reason: str | None,
    **options: Any,
) -> int:
    """Shrink, prove and ship a trained model: nothing is trained from scratch.

    MODEL is a file that Keras or one of the runtimes reads (.keras, .h5, .tflite, .onnx, .xml with its .bin),
    the directory of a SavedModel, or a YAML file whose model.archive names one. Without --train, a fifth of
    the rows of --data is set aside to calibrate and to choose, and passes that train are left out.
    """

    def load(source: Path, overrides: Sequence[str]) -> Config:
        from trimtab.config.loader import load_compression

        return load_compression(source, {"test": data, "train": train}, overrides, labels)

    return launch(pipeline("compress", force, reason), load=load, **options)
