"""The templates' environment."""

from __future__ import annotations

import functools

import jinja2

from trimtab.report.words import numbers


@functools.cache
def environment() -> jinja2.Environment:
    """Returns the templates' environment: every value is escaped, an unknown name is an error."""
    jinja = jinja2.Environment(
        loader=jinja2.PackageLoader("trimtab.report.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals["n"] = numbers
    return jinja
