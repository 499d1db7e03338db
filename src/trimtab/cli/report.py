"""`trimtab report`: the outcome of an earlier run."""

from __future__ import annotations

import click


@click.command("report")
@click.argument("run")
@click.option("--output", default="runs", show_default=True, help="Where runs are.")
@click.option("--json", "as_json", is_flag=True, help="Print result.json.")
def command(run: str, output: str, as_json: bool) -> int:
    """Show every candidate of RUN, the chosen one and why, and where the report and the model are.

    RUN is the id of a run, or the path or URI of its directory.
    """
    from rich.console import Console

    from trimtab.cli import run_directory
    from trimtab.errors import ConfigError
    from trimtab.report.result import Result
    from trimtab.report.table import print_summary
    from trimtab.storage.store import open_store

    uri = run_directory.named(run, output)
    content = open_store(uri).read("result.json")
    if content is None:
        raise ConfigError(
            "no result.json: not a finished run", path=uri, hint=f"See what is in {uri.rpartition('/')[0]}."
        )
    try:
        result = Result.model_validate_json(content)
    except ValueError:
        raise ConfigError("is damaged, or of another version", path=f"{uri}/result.json") from None
    if as_json:
        click.echo(result.model_dump_json())
    else:
        print_summary(result, Console())
    return 0
