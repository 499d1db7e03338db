"""The command line: one file a command, imported only when that command runs.

``--help`` answers at once: nothing heavy is imported for it, neither TensorFlow, nor kfp, nor pydantic.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn, cast

import click

from trimtab import __version__
from trimtab.errors import TrimtabError

COMMANDS = {
    "run": "Train, shrink, prove and ship a model, as one YAML says.",
    "compress": "Shrink, prove and ship a model that is trained already.",
    "retrain": "Retrain the model in service, if there is new data.",
    "predict": "Predict with a deployed model for a file.",
    "serve": "Serve a deployed model over HTTP.",
    "history": "Show every deployed version, and which one is the champion.",
    "verify": "Compute the proof of a deployed version again.",
    "promote": "Make another version the champion.",
    "rollback": "Make the champion before the present one the champion again.",
    "export": "Write a deployed version as a SavedModel for TensorFlow Serving.",
    "methods": "Show what a recipe can be made of: passes, and quantizations by runtime.",
    "report": "Show the outcome of a run.",
    "compare": "Show several runs side by side.",
    "rows": "Write which rows a run was tested on.",
    "clean": "Remove what no run has used for long.",
    "tensorboard": "Review the logs of runs in TensorBoard.",
    "compile": "Write the pipeline as YAML for Kubeflow.",
    "status": "Show runs on Kubeflow, or the tasks of one.",
    "logs": "Print the logs of a run on Kubeflow.",
    "stop": "Stop a run on Kubeflow.",
    "schedule": "Run a config on Kubeflow again and again.",
}


_BY_RUNS = ("run", "compress", "retrain")
"""Commands whose runner has a directory for what is temporary: its fork server outlives a run."""


class Commands(click.Group):
    """A group that imports a command's module when it is called."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; what it leaves among temporary files goes, if not with it, with the next one."""
        if ctx.args[:1] and ctx.args[0] in _BY_RUNS:
            return super().invoke(ctx)
        from trimtab.cli.temporary import all_temporary

        with all_temporary():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Returns the names in the order that a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Returns the command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        return cast(click.Command, import_module(f"trimtab.cli.{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trimtab")
def cli() -> None:
    """Make Keras models as small and fast as a budget allows, prove them accurate, and ship them."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits, with the code of the command or of a typed error; 1: anything else."""
    if os.getpid() == 1:
        # In a container: the kernel keeps from its first process what that process does not handle.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    _check_encoding(sys.argv[1:] if arguments is None else arguments)
    options: dict[str, Any] = {"args": arguments, "prog_name": "trimtab", "standalone_mode": False}
    try:
        sys.exit(cli.main(**options) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except TrimtabError as error:
        click.echo(f"error: {error.describe()}", err=True)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        from trimtab.cli.missing import not_installed

        if (told := not_installed(error)) is None:
            raise
        click.echo(f"error: {told.describe()}", err=True)
        sys.exit(told.exit_code)
    except BrokenPipeError:
        # The reader of our output is gone, as with `trimtab predict … | head`.
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        # A path that a user gave, such as --output: nothing else is opened without a typed error of its own.
        place = f"{error.filename2 or error.filename}: " if error.filename else ""
        click.echo(f"error: {place}{error.strerror or error}", err=True)
        sys.exit(1)


def _check_encoding(arguments: list[str]) -> None:
    """Refuses what no config, record or URI can hold: names that are bytes of no text."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(argument).decode("utf-8", "backslashreplace")
            click.echo(f"error: {shown}: this argument is not UTF-8\n  Rename what it names.", err=True)
            sys.exit(2)
