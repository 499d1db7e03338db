"""One self-contained HTML file: everything inlined, nothing fetched."""

from __future__ import annotations

from typing import Any

import yaml

import trimtab
from trimtab.artifacts.inside import GraphSize
from trimtab.report.charts import drift, pareto
from trimtab.report.charts.confusion import confusion_plot, most_confused
from trimtab.report.charts.curves import curve_plots
from trimtab.report.charts.histogram import histogram_plot
from trimtab.report.html import answers, inside, lineage, rows, searched, views
from trimtab.report.html.environment import environment
from trimtab.report.records.evidence import Evidence
from trimtab.report.result import Result
from trimtab.report.words import commands, comparison, headline, limits, parts, reach, verdict
from trimtab.report.words import inside as inside_words
from trimtab.report.words import searched as search_words

TEMPLATE = "report.html.j2"


def render(result: Result, evidence: Evidence) -> str:
    """Returns the report of a run as one HTML file.

    Args:
        result: The outcome of the run.
        evidence: What the records hold beyond it.
    """
    return environment().get_template(TEMPLATE).render(**_context(result, evidence))


def _context(result: Result, evidence: Evidence) -> dict[str, Any]:
    chosen = verdict.find_candidate(result, result.chosen)
    compared = rows.compared(result.baseline, chosen)
    classes = result.data.classes if result.data else []
    return {
        "result": result,
        "evidence": evidence,
        "version": trimtab.__version__,
        "chosen": chosen,
        "headline": result.headline,
        "first_output": next(iter(result.baseline.outputs), "") if result.baseline else "",
        "limit_headings": limits.LIMIT_HEADINGS,
        "limit_lines": [] if limits.is_plain(result) else limits.every_line(result),
        "problems": [views.problem(error, evidence.tracebacks) for error in result.errors],
        "reach": [reach.sentence(limit) for limit in result.data.reach] if result.data else [],
        "pipeline": views.pipeline(result, evidence),
        "as_it_came": verdict.as_it_came(result),
        "title": headline.headline(result),
        "answers": answers.answers(result, chosen, evidence),
        "commands": commands.commands(result),
        "origins": lineage.origins(result, evidence),
        "part_rows": rows.part_rows(result.parts, result.headline),
        "parts_told": parts.sentence(result.parts, result.headline),
        "rivals": comparison.rivals(result.comparison),
        "proofs": comparison.proofs(result.comparison),
        "plots": [plot for cost in ("latency", "size") if (plot := pareto.pareto_plot(result, cost))],
        "candidates": [rows.candidate_row(result, candidate) for candidate in result.candidates],
        "metrics": rows.metric_rows(compared),
        "compared": compared,
        "matrices": [matrix for candidate in compared if (matrix := confusion_plot(candidate, classes))],
        "confused": most_confused(compared[0], compared[-1], classes) if compared else [],
        "classes": rows.class_rows(compared, result.parts),
        "class_columns": rows.class_columns(compared),
        "searched": searched.searched_rows(result.search),
        "search_told": search_words.sentence(result.search),
        **_inside(result, evidence),
        "curves": [
            curve_plots(history) for history in views.shown_histories(evidence.histories, result.chosen)
        ],
        "fine_tunings": max(0, len(evidence.histories) - 1),
        "trials": rows.table([trial.model_dump() for trial in evidence.trials], nested=True),
        "best_trial": rows.best_trial(evidence.trials, evidence.best_score),
        "drift_headline": drift.headline(evidence.drift) if evidence.drift else "",
        "drift_panels": drift.drift_panels(evidence.drift) if evidence.drift else [],
        "drift_verdicts": drift.VERDICTS,
        "drift_state": drift.state,
        "histograms": [histogram_plot(histogram) for histogram in evidence.histograms],
        "columns": rows.table(evidence.columns),
        "class_counts": rows.class_counts(evidence.class_counts),
        "config_yaml": yaml.safe_dump(result.config, sort_keys=False, allow_unicode=True),
    }


def _graph(result: Result, identifier: str | None) -> GraphSize | None:
    """Returns the operators of a candidate; None: of the baseline."""
    candidate = verdict.find_candidate(result, identifier) if identifier else result.baseline
    return candidate.graph if candidate else None


def _inside(result: Result, evidence: Evidence) -> dict[str, Any]:
    """Returns what the templates show of the inside of the files."""
    before, after = inside.shown(
        evidence.inside, result.baseline.id if result.baseline else None, result.chosen
    )
    return {
        "layer_rows": inside.layer_rows(before, after),
        "kind_rows": inside.kind_rows(before, after),
        "inside_told": [
            *inside_words.sentences(before, after),
            *inside_words.operators(_graph(result, None), _graph(result, result.chosen)),
        ],
        "has_losses": any(layer.loss is not None for layer in after.layers.layers) if after else False,
        "inside_how": "; ".join(
            dict.fromkeys(model.how_timed for model in (before, after) if model and model.times)
        ),
        "inside_examples": after.layers.examples if after else 0,
        "inside_unknown": inside.why_not([before, after]),
    }
