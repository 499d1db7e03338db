"""One self-contained HTML file: everything inlined, nothing fetched."""

from __future__ import annotations

from typing import Any

import jinja2
import yaml

from trimtab.report import numbers, verdict
from trimtab.report.evidence import Evidence
from trimtab.report.result import Result

TEMPLATE = "report.html.j2"


def render(result: Result, evidence: Evidence) -> str:
    """Returns the report of a run as one HTML file.

    Args:
        result: The outcome of the run.
        evidence: What the records hold beyond it.
    """
    return _environment().get_template(TEMPLATE).render(**_context(result, evidence))


def _environment() -> jinja2.Environment:
    """Returns the templates' environment: every value is escaped, an unknown name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("trimtab.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["n"] = numbers
    return environment


def _context(result: Result, evidence: Evidence) -> dict[str, Any]:
    return {
        "result": result,
        "evidence": evidence,
        "regression": verdict.is_regression(result),
        "config_yaml": yaml.safe_dump(result.config, sort_keys=False, allow_unicode=True),
    }
