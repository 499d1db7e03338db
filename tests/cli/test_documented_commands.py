"""Every `trimtab` command of the documentation is one, with these arguments and options."""

import re
import shlex
from itertools import takewhile
from pathlib import Path

import click
import pytest

from trimtab.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands(page):
    """Returns the arguments of every command in a page's shell blocks."""
    text = "\n".join(BLOCK.findall(page.read_text())).replace("\\\n", " ")
    text = re.sub(r"\$\(docker image inspect [^)]*\)", "registry/trimtab@sha256:…", text)
    lines = text.replace("sha256:…", f"sha256:{'0' * 64}").splitlines()
    words = (shlex.split(line, comments=True) for line in lines if "trimtab " in line)
    return [
        list(takewhile(lambda word: word not in ("&&", "|", ">"), found[1:]))
        for found in words
        if found and found[0] in ("trimtab", ".venv/bin/trimtab")
    ]


COMMANDS = sorted({tuple(one) for page in PAGES for one in commands(page)})


def parse(arguments):
    command, context = cli, click.Context(cli)
    while isinstance(command, click.Group):
        _, command, arguments = command.resolve_command(context, arguments)
    command.make_context(command.name, list(arguments))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_it_is_a_command(arguments):
    parse(list(arguments))


def test_they_are_found_and_a_wrong_one_is_noticed():
    assert {one[0] for one in COMMANDS} >= {"run", "compile", "schedule", "status", "logs", "stop", "serve"}
    for wrong in (
        ["runn"],
        ["run", "a", "b"],
        ["run", "a", "--outptu", "b"],
        ["schedule", "list", "--limit", "3"],
    ):
        with pytest.raises(click.UsageError):
            parse(wrong)
