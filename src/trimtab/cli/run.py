"""`trimtab run`: the whole `optimize` DAG for one config."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.forced import force_options, pipeline
from trimtab.cli.launch import launch, launch_options

_EPILOG = """
Exit codes: 0 a model inside the budget was deployed, or is in service already; 2 the config or the data is
unusable; 3 everything ran, and no candidate met the budget or the model in service stays; 4 the test rows are
too few for the budget, and nothing was trained; 5 no other candidate met it, and the trained model itself was
deployed; 75 a task was told to stop, and --resume goes on; 1 anything else.
"""


@click.command("run", epilog=_EPILOG)
@launch_options()
@force_options("Deploy what comes out, also where it is not proven as good as the champion.")
def command(force: bool, reason: str | None, **options: Any) -> int:
    """Train, shrink, prove and ship a model, as the YAML file CONFIG says.

    Where a model is in service already, the new one replaces it if it is better on the test data, or not
    worse and cheaper.
    """
    return launch(pipeline("optimize", force, reason), **options)
