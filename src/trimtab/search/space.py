"""What there is to try: from what passes and quantizations declare, never from their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from trimtab.config import brought
from trimtab.config.base import Section
from trimtab.config.chains import Chain, Step
from trimtab.config.config import Config
from trimtab.config.methods import FLOAT, Method, passes, quantizations
from trimtab.config.order import destroyer
from trimtab.config.parameters import search_range

STRENGTHS = 3
"""Values of a pass's main parameter that are tried: the middles of as many parts of its range."""

_EPOCHS = "epochs"
_TRAINS = "gradients"


@dataclass(frozen=True)
class Space:
    """What may be tried.

    Attributes:
        steps: Each pass, at each of its strengths.
        endings: What gives files and trains nothing, the floats first: quantization and runtime.
        trained: What gives files, and trains.
        left_out: What may not, and why, by name.
    """

    steps: tuple[tuple[Step, ...], ...] = ()
    endings: tuple[tuple[Step, str], ...] = ()
    trained: tuple[tuple[Step, str], ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


def space(config: Config) -> Space:
    """Returns what may be tried for a config: its runtimes, and what its model can take.

    Args:
        config: The resolved config.
    """
    own = brought.own_runtime(config.model.archive)
    trains = config.train.fine_tuning and not own
    left_out: dict[str, str] = {}
    steps = [
        tuple(Step(method.name, params) for params in strengths(method))
        for method in passes().values()
        if _may(method, method.name, own, left_out, trains=trains)
    ]
    endings, trained = list[tuple[Step, str]](), list[tuple[Step, str]]()
    for runtime in config.file_runtimes():
        for method in quantizations(runtime).values():
            name = f"{method.name} ({runtime})"
            if own and not brought.requantizes(runtime, method.name, str(config.model.archive)):
                left_out[name] = f"{runtime} has no {method.name} for such a file"
            elif _may(method, name, "", left_out, trains=trains):
                listed = trained if _TRAINS in method.needs else endings
                listed.append((Step(method.name, method.params()), runtime))
    endings.sort(key=lambda ending: ending[0].name != FLOAT)
    return Space(tuple(steps), tuple(endings), tuple(trained), left_out)


def _may(method: Method, name: str, own: str, left_out: dict[str, str], *, trains: bool) -> bool:
    if own:
        left_out[name] = "it changes a Keras model, and the model is none"
    elif _TRAINS in method.needs and not trains:
        left_out[name] = "it trains, and there are no training rows to fine-tune on"
    else:
        return True
    return False


def strengths(method: Method) -> list[Section]:
    """Returns the parameters of a method at each of its strengths; all others have their defaults.

    Args:
        method: A pass. Without a main parameter that has a search range it has one strength.
    """
    main = method.main
    searched = search_range(method.params.model_fields[main]) if main else None
    if main is None or searched is None:
        return [method.params()]
    values = _spread(searched["values"]) if "values" in searched else _middles(**searched)
    whole = method.params.model_fields[main].annotation is int
    given = dict.fromkeys(round(value) if whole else value for value in values)
    return [method.params.model_validate({main: value}) for value in given]


def _spread(values: Sequence[Any]) -> list[Any]:
    if len(values) <= STRENGTHS:
        return list(values)
    return [values[(2 * part + 1) * len(values) // (2 * STRENGTHS)] for part in range(STRENGTHS)]


def _middles(low: float, high: float, *, log: bool) -> list[float]:
    shares = [(2 * part + 1) / (2 * STRENGTHS) for part in range(STRENGTHS)]
    if log:
        return [_short(low * (high / low) ** share) for share in shares]
    return [_short(low + (high - low) * share) for share in shares]


def _short(value: float) -> float:
    return float(f"{value:.2g}")


def variants(step: Step) -> list[list[Step]]:
    """Returns a step with other values of one parameter, for each that lists some; the middle one first."""
    given, listed = step.params.model_dump(), list[list[Step]]()
    for name, parameter in type(step.params).model_fields.items():
        values = [
            value for value in (search_range(parameter) or {}).get("values", []) if value != given[name]
        ]
        middle = values[len(values) // 2 :] + values[: len(values) // 2]
        others = [
            Step(step.name, params) for value in middle if (params := _valid(step, {**given, name: value}))
        ]
        listed += [others] if others else []
    return listed


def _valid(step: Step, values: dict[str, Any]) -> Section | None:
    """Returns parameters, or None where a value goes with another one only."""
    try:
        return type(step.params).model_validate(values)
    except ValidationError:
        return None


def at_rung(chain: Chain, rung: int) -> Chain:
    """Returns a chain with the epochs of a rung.

    Args:
        chain: The chain.
        rung: From 0: the place among the epochs that a step declares, sorted; past the last, the last.
    """
    steps = tuple(_with_epochs(step, rung) for step in chain.steps)
    return Chain(steps, _with_epochs(chain.quantization, rung), chain.runtime)


def _with_epochs(step: Step, rung: int) -> Step:
    parameter = type(step.params).model_fields.get(_EPOCHS)
    declared = (search_range(parameter) if parameter else None) or {}
    values = sorted(declared.get("values", []))
    if not values:
        return step
    return Step(step.name, step.params.model_copy(update={_EPOCHS: values[min(rung, len(values) - 1)]}))


def epochs_of(steps: Sequence[Step]) -> int:
    """Returns the epochs of fine-tuning that some steps ask for."""
    return sum(int(getattr(step.params, _EPOCHS, 0)) for step in steps)


def is_in_order(chain: Chain) -> bool:
    """Returns whether each step of a chain keeps what those before it make."""
    known = {**passes(), **quantizations(chain.runtime)}
    return destroyer([known[step.name] for step in (*chain.steps, chain.quantization)]) is None
