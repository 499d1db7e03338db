"""The outcome of a run on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trimtab.artifacts.retraining import Retraining
from trimtab.artifacts.selection import CandidateResult
from trimtab.report.result import Result
from trimtab.report.words import drift, numbers, searched
from trimtab.report.words.limits import LIMIT_HEADINGS, OUTPUT_HEADINGS, limit_lines, output_lines
from trimtab.report.words.verdict import as_it_came, over_what

USUAL, WIDE = 80, 118
_RULE = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_FEW_COSTS = ("ms", "kB")
_COSTS = ("p50 ms", "p95 ms", "kB", "gzip kB", "MACs", "Zeros")
FAULTS = {
    "quality": "unproven",
    "untested": "untested",
    "latency": "slow",
    "size": "big",
}
COLOURS = {
    "deployed": "green",
    "baseline_deployed": "yellow",
    "up_to_date": "green",
    "champion_kept": "yellow",
    "over_budget": "yellow",
    "failed": "red",
}


def print_summary(result: Result, console: Console) -> None:
    """Prints every candidate, the one that was chosen and why, and where everything is.

    Args:
        result: The outcome of the run.
        console: Where to print; a wide one gets more columns.
    """
    if result.candidates:
        console.print()
        console.print(_table(result, console.width))
        _print_not_made(result, console)
        _print_flags(result, console)
        _print_limits(result, console)
    console.print()
    console.print(Text(result.verdict, style=f"bold {COLOURS[result.status]}"))
    for text in filter(None, (result.why, as_it_came(result), searched.sentence(result.search))):
        console.print(Text(text))
    if result.retrain:
        _print_retraining(result.retrain, console)
    for error in result.errors:
        console.print(Text.assemble((f"{error.stage}: ", "bold red"), error.message))
    for warning in result.warnings:
        console.print(Text.assemble(("warning: ", "bold yellow"), warning))
    console.print()
    for name, uri in (
        ("Report", result.report),
        ("TensorBoard logs", result.tensorboard),
        _served(result),
    ):
        # A path is one line whatever the width: people copy it.
        console.print(Text.assemble((f"{name:<17}", "dim"), uri or numbers.ABSENT), soft_wrap=True)


def _print_flags(result: Result, console: Console) -> None:
    """Prints what no limit forbids of those within the budget, marked ``!`` in the table."""
    for candidate in result.candidates:
        if candidate.flags and candidate.within_budget:
            console.print(Text.assemble((f"! {candidate.id}: ", "bold"), "; ".join(candidate.flags)))


def _print_limits(result: Result, console: Console) -> None:
    """Prints how the chosen candidate stands to each limit of quality, unless the table says it all."""
    lines = limit_lines(result)
    if not lines:
        return
    table = Table(box=_RULE, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in LIMIT_HEADINGS:
        table.add_column(heading, overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    console.print(table)


def _served(result: Result) -> tuple[str, str]:
    """Returns what to call the model that is served after the run, and where it is."""
    version = result.retrain.champion if result.retrain else None
    target = result.target
    if version is None and result.comparison:
        version = result.comparison.version
    if result.deployed or version is None or target is None or result.status == "failed":
        return "Deployed model", result.deployed or "none"
    return "Model in service", f"{target.rstrip('/')}/{version}"


def _print_retraining(retraining: Retraining, console: Console) -> None:
    """Prints why there was a retraining, what is new in the data, and what it began with."""
    lines = [("retrained because: ", reason) for reason in retraining.reasons if retraining.needed]
    lines += [("the schema changed: ", change) for change in retraining.schema_changes]
    if drifted := drift.changes(retraining.drift):
        lines.append(("drifted: ", drifted))
    if retraining.start:
        lines.append(("started from: ", f"{retraining.start}, as {retraining.start_reason}"))
    for name, text in lines:
        console.print(Text.assemble((name, "dim"), text))


def _table(result: Result, width: int) -> Table:
    """Returns a line a candidate; of several outputs, one more for each metric of these, below it."""
    wide, by_output = width >= WIDE, any(candidate.outputs for candidate in result.candidates)
    quality = _output_headings(wide=wide) if by_output else _quality_headings(result, wide=wide)
    costs = _COSTS if wide and not by_output else _FEW_COSTS
    table = Table(box=_RULE, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("Recipe", overflow="fold", no_wrap=width >= USUAL)
    for heading in (*quality, *costs):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Verdict", min_width=8)
    for candidate in result.candidates:
        chosen = candidate.id == result.chosen
        style = "bold green" if chosen else "" if candidate.within_budget else "dim"
        qualities = [""] * len(quality) if by_output else _qualities(candidate, wide=wide)
        told = _costs(candidate, costs)
        table.add_row(Text(candidate.id), *qualities, *told, _mark(result, candidate), style=style)
        for metric, *cells in _outputs(result, candidate, wide=wide) if by_output else ():
            table.add_row(Text(f"  {metric}"), *cells, style=style)
    return table


def _quality_headings(result: Result, *, wide: bool) -> list[str]:
    headline = result.headline
    rises = headline is not None and headline.better == "lower"
    change = ["Rise %", "Rise <="] if rises else ["Drop", "Drop <="]
    return [numbers.heading(headline), *(change if wide else change[1:])]


def _qualities(candidate: CandidateResult, *, wide: bool) -> list[str]:
    drop = candidate.drop
    observed = [numbers.points(drop.observed if drop else None)] if wide else []
    return [numbers.quality(candidate.quality), *observed, numbers.points(drop.upper_bound if drop else None)]


def _output_headings(*, wide: bool) -> list[str]:
    return [heading for heading in OUTPUT_HEADINGS[1:] if wide or heading != "Loss"]


def _outputs(result: Result, candidate: CandidateResult, *, wide: bool) -> list[list[str]]:
    """Returns each limited metric of several outputs and what is shown of it; of no model none."""
    places = [0, *(OUTPUT_HEADINGS.index(heading) for heading in _output_headings(wide=wide))]
    return [[line[place] for place in places] for line in output_lines(result, candidate)]


def _costs(candidate: CandidateResult, headings: Sequence[str]) -> list[str]:
    latency = candidate.latency_ms
    median = numbers.milliseconds(latency.p50 if latency else None)
    told = {
        "ms": median,
        "p50 ms": median,
        "p95 ms": numbers.milliseconds(latency.p95 if latency else None),
        "kB": numbers.kilobytes(candidate.size_bytes),
        "gzip kB": numbers.kilobytes(candidate.gzip_bytes),
        "MACs": numbers.count(candidate.macs),
        "Zeros": numbers.percent(candidate.sparsity, 0),
    }
    return [told[heading] for heading in headings]


def _mark(result: Result, candidate: CandidateResult) -> Text:
    if not candidate.ok:
        return Text("not made", style="red")
    flag = "!" if candidate.flags else ""
    if candidate.id == result.chosen:
        return Text(f"chosen{flag}")
    if candidate.within_budget:
        return Text(f"within{flag}", style="yellow" if flag else "green")
    return Text(", ".join(_faults(result, candidate)) or numbers.ABSENT)


def _faults(result: Result, candidate: CandidateResult) -> Iterator[str]:
    """Yields what is wrong with a candidate, in a word each."""
    is_estimate = result.proof is not None and result.proof.rule == "estimate"
    for limit in over_what(result, candidate):
        yield "worse" if limit == "quality" and is_estimate else FAULTS[limit]


def _print_not_made(result: Result, console: Console) -> None:
    """Prints why candidates could not be made; why others are over the budget is in the report."""
    by_reason: dict[str, list[str]] = {}
    for candidate in result.candidates:
        if not candidate.ok:
            reason = " ".join("; ".join(candidate.reasons).split())
            by_reason.setdefault(reason, []).append(candidate.id)
    for reason, names in by_reason.items():
        text = Text.assemble((f"{', '.join(names)}: ", "bold"), reason)
        console.print(Padding(text, (0, 0, 0, 1)))
