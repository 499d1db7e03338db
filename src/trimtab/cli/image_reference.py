"""The names that images have: `[REGISTRY[:PORT]/]NAME[:TAG][@DIGEST]`.

The grammar is that of https://github.com/distribution/reference, which Docker and Kubernetes use.
"""

from __future__ import annotations

import re

import click

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DIGEST = r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
_REFERENCE = re.compile(
    rf"(?:{_REGISTRY}/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@(?:{_DIGEST}))?", re.ASCII
)


class ImageReference(click.ParamType[str]):
    """An option's value that names an image; what would only fail in the cluster is refused here."""

    name = "image"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the value as it is, or fails."""
        if not _REFERENCE.fullmatch(value):
            self.fail(
                f"{value!r} names no image; expected registry:port/name:tag or name@sha256: "
                "and 64 digits of 0-9 and a-f, all but the registry and the tag in lower case",
                param,
                ctx,
            )
        return value
