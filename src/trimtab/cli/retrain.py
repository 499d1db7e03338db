"""`trimtab retrain`: what new data does to the model in service."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.forced import force_options, pipeline
from trimtab.cli.launch import launch, launch_options

_EPILOG = """
Exit codes: 0 a model was promoted, or there is nothing new; 2 the config or the data is unusable; 3
everything ran and the model in service stays, because the new one is not proven better or not within the
budget; 4 the test rows are too few for the budget, and nothing was trained; 5 its recipe gave nothing within
the budget, and the float model itself was promoted; 75 a task was told to stop, and --resume goes on; 1
anything else, as when another deployment was faster.
"""


@click.command("retrain", epilog=_EPILOG)
@launch_options()
@force_options("Retrain without new data, and promote what comes out of it.")
def command(force: bool, reason: str | None, **options: Any) -> int:
    """Retrain the model in service on the data of the YAML file CONFIG, if there is anything new.

    The new model is promoted if it is better on the fresh test data, or not worse and cheaper.
    """
    return launch(pipeline("retrain", force, reason), **options)
