"""`trimtab report`: the outcome of an earlier run."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where runs are.",
)
@click.option("--json", "as_json", is_flag=True, help="Print result.json.")
def command(run: str, output: Path, as_json: bool) -> int:
    """Show every candidate of RUN, the chosen one and why, and where the report and the model are.

    RUN is the id of a run, or its directory.
    """
    from rich.console import Console

    from trimtab.errors import ConfigError
    from trimtab.report.result import Result
    from trimtab.report.table import print_summary

    directory = Path(run) if Path(run).is_dir() else output / run
    file = directory / "result.json"
    if not file.is_file():
        raise ConfigError(
            "no result.json: not a finished run", path=str(directory), hint=f"See `ls {output}`."
        )
    try:
        result = Result.model_validate_json(file.read_bytes())
    except ValueError:
        raise ConfigError("is damaged, or of another version", path=str(file)) from None
    if as_json:
        click.echo(result.model_dump_json())
    else:
        print_summary(result, Console())
    return 0
