"""`trimtab report`: the outcome of an earlier run."""

from __future__ import annotations

import click


@click.command("report")
@click.argument("run")
@click.option("--output", default="runs", show_default=True, help="Where runs are.")
@click.option("--json", "as_json", is_flag=True, help="Print result.json.")
@click.option("--open", "opens", is_flag=True, help="Open the HTML report in the browser.")
def command(run: str, output: str, as_json: bool, opens: bool) -> int:
    """Show every candidate of RUN, the chosen one and why, and where the report and the model are.

    RUN is the id of a run, or the path or URI of its directory.
    """
    from rich.console import Console

    from trimtab.cli import run_directory
    from trimtab.cli.results import read_result
    from trimtab.report.table import print_summary

    uri = run_directory.named(run, output)
    result = read_result(uri)
    if as_json:
        click.echo(result.model_dump_json())
    else:
        print_summary(result, Console())
    if opens:
        _open(uri)
    return 0


def _open(uri: str) -> None:
    """Opens the page; of a run in an object store, a copy in the user's cache, one a run."""
    import hashlib
    import webbrowser
    from pathlib import Path

    from trimtab.cli.results import REPORT, read_page
    from trimtab.storage import atomic, cache
    from trimtab.storage.objects.location import is_remote

    page = Path(uri, REPORT)
    if is_remote(uri):
        page = cache.directory() / "pages" / hashlib.sha256(uri.encode()).hexdigest()[:16] / REPORT
        atomic.write_bytes(page, read_page(uri))
    elif not page.is_file():
        read_page(uri)
    if not webbrowser.open(page.resolve().as_uri()):
        click.echo(f"no browser here: open {page.resolve()}", err=True)
