"""The pictures of the documentation that follow from the code: the rooms, and the pipeline."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from trimtab.config.stages import STAGES

ROOT = Path(__file__).resolve().parent.parent
PLAIN, LOOP, CONDITION, REPORT = "#e8f0fe", "#e6f4ea", "#fef7e0", "#f3e8fd"
GREY, GREEN, BROWN = "#5f6368", "#188038", "#b06000"
_ARROW = (
    '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    f'<path d="M0 0L8 4L0 8z" fill="{GREY}"/></marker></defs>'
)


def pipeline() -> str:
    """Returns the `optimize` pipeline as SVG: its stages in a row, the report below them."""
    stages = {name: stage for name, stage in STAGES.items() if "optimize" in stage.pipelines}
    names = [name for name, stage in stages.items() if not stage.within and name != "report"]
    left, gap, width = 20, 40, 100
    places = {name: left + (width + gap) * index for index, name in enumerate(names)}
    shapes = []
    sharded = [name for name in names if STAGES[name].is_sharded]
    first, last = places[sharded[0]], places[sharded[-1]]
    shapes += _frame(first - 12, last + width - first + 24, "for each shard of the recipes", GREEN)
    shapes += _frame(places["deploy"] - 12, width + 24, "if within the budget", BROWN)
    for name, x in places.items():
        fill = LOOP if name in sharded else CONDITION if name == "deploy" else PLAIN
        shapes.append(_box(x, 70, width, 44, name, fill))
        if name != names[-1]:
            shapes.append(_arrow(f"M{x + width + 2} 92H{x + width + gap - 3}"))
    right = places[names[-1]] + width
    shapes.append(_box(left, 160, right - left, 34, "report: written at the end, whatever happened", REPORT))
    return _svg(right + left, 210, "The optimize pipeline", shapes)


def rooms() -> str:
    """Returns the rooms of the library as SVG, a row a layer: a room imports from below its own row only."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = next(one for one in project["tool"]["importlinter"]["contracts"] if "containers" not in one)
    layers = [
        [room.strip().removeprefix("trimtab.") for room in layer.split(":")] for layer in contract["layers"]
    ]
    shapes, height, width = [], 30, 640
    for row, layer in enumerate([["components", "pipelines"], *layers]):
        y, share = 20 + row * (height + 12), width / len(layer)
        fill = REPORT if not row else PLAIN
        shapes += [
            _box(20 + index * share, y, share - 8, height, room, fill) for index, room in enumerate(layer)
        ]
    return _svg(width + 40, 40 + (len(layers) + 1) * (height + 12), "The rooms, from above to below", shapes)


def _svg(width: float, height: float, label: str, shapes: Sequence[str]) -> str:
    content = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'font-family="system-ui, sans-serif" font-size="15" role="img" aria-label="{label}">\n'
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>\n{_ARROW}\n{content}\n</svg>\n'
    )


def _box(x: float, y: float, width: float, height: float, text: str, fill: str) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    box = f'<rect {place} rx="7" fill="{fill}" stroke="{GREY}"/>'
    return box + _text(x + width / 2, y + height / 2 + 5, text, "#202124", 15)


def _frame(x: float, width: float, text: str, colour: str) -> list[str]:
    place = f'x="{x:g}" y="38" width="{width:g}" height="100"'
    return [
        f'<rect {place} rx="10" fill="none" stroke="{colour}" stroke-dasharray="5 4"/>',
        _text(x + width / 2, 28, text, colour, 13),
    ]


def _text(x: float, y: float, text: str, colour: str, size: int) -> str:
    style = f'text-anchor="middle" fill="{colour}" font-size="{size}"'
    return f'<text x="{x:g}" y="{y:g}" {style}>{text}</text>'


def _arrow(path: str) -> str:
    return f'<path d="{path}" stroke="{GREY}" stroke-width="1.5" marker-end="url(#a)"/>'
