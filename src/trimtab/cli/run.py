"""`trimtab run`: the whole `optimize` DAG for one config."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.launch import launch, launch_options
from trimtab.cli.pipeline import Pipeline

_EPILOG = """
Exit codes: 0 a model inside the budget was deployed; 2 the config or the data is unusable; 3 everything ran
and no candidate met the budget; 4 the test rows are too few for the budget, and nothing was trained; 5 no
other candidate met it, and the trained model itself was deployed; 75 a task was told to stop, and --resume
goes on; 1 anything else.
"""


@click.command("run", epilog=_EPILOG)
@launch_options()
def command(**options: Any) -> int:
    """Train, shrink, prove and ship a model, as the YAML file CONFIG says."""
    return launch(Pipeline("optimize"), **options)
