"""The ``recipes`` section: which chains to try.

    recipes:
      - [{channels: {ratio: [0.25, 0.5]}}, {magnitude: 0.5}, [float16, int8, qat_int8]]
      - {prune: none, quantize: [none, int8]}
      - [int8, {runtime: openvino}]

A recipe is a list of steps in order. A list in the place of a step, or of a parameter's value, is a set of
alternatives: the recipe stands for every way to choose. A step is a name, ``{name: value of the main
parameter}`` or ``{name: {parameter: value}}``. What may stand there, with which parameters, is told by
``methods``; a config keeps its recipes as they were written, and asks for their chains.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from trimtab.config.chains import USUAL_RUNTIME, Chain, Step
from trimtab.config.choices import MAIN, MOST, Choice, choices
from trimtab.config.methods import FLOAT, Method, passes, quantizations
from trimtab.config.order import destroyer
from trimtab.config.problems import Place, Problems
from trimtab.registry import PASSES, RUNTIMES

USUAL = ("none", "float16", "dynamic_int8", "int8")
"""The quantizations of a config without recipes, as far as its runtimes have them: they train nothing."""

AUTO = "auto"
"""The recipes that are searched for once the model is trained; until then, they are the baseline alone."""

_RUNTIME = "runtime"
_OLDER = dict.fromkeys(("prune", "quantize"))
"""The steps of a recipe as older versions wrote it, in order."""


def expand(recipes: Sequence[Any] | str | None, runtimes: Sequence[str]) -> list[Chain]:
    """Returns the chains that recipes stand for, in order.

    Args:
        recipes: The ``recipes`` section; None: the usual ones.
        runtimes: The runtimes of recipes that name none.

    Raises:
        ValidationError: If something is unknown, out of range or twice, if a step cannot stand where it is,
            or if a quantization is one of none of the runtimes.
    """
    if recipes == AUTO:
        return [baseline(runtimes)]
    # A date of YAML's is no number as text, either; a mapping without its odd keys is no step.
    text = json.dumps(recipes, default=str, skipkeys=True)
    return list(_expanded(text, tuple(runtimes), (*PASSES.items(), *RUNTIMES.items())))


@lru_cache(maxsize=16)
def _expanded(text: str, runtimes: tuple[str, ...], registered: tuple[Any, ...]) -> tuple[Chain, ...]:  # noqa: ARG001
    """Returns the chains of recipes in JSON; stages ask for the same ones again and again.

    What is registered is part of the key: with another pass or runtime, the answer is another.
    """
    reader, recipes = _Reader(runtimes), json.loads(text)
    written = [[_usual(runtimes)]] if recipes is None else recipes
    chains = [chain for place, recipe in enumerate(written) for chain in reader.chains((place,), recipe)]
    seen = set[str]()
    for chain in chains:
        if chain.id in seen:
            reader.problems.add(chain.place, f"{chain.id} is listed twice")
        seen.add(chain.id)
    reader.problems.refuse("recipes")
    return tuple(chains)


def baseline(runtimes: Sequence[str]) -> Chain:
    """Returns the chain that all others are judged against: 32-bit floats, on LiteRT where that is asked."""
    runtime = USUAL_RUNTIME if USUAL_RUNTIME in runtimes else runtimes[0]
    return Chain((), Step(FLOAT, quantizations(runtime)[FLOAT].params()), runtime)


def read_chain(stored: Any) -> Chain | None:
    """Returns the chain that a candidate was made by, or None where it cannot be read.

    Args:
        stored: What ``Candidate.to_json`` gave, or ``{"prune": {...}, "quantize": {...}}`` of older versions.
    """
    try:
        (chain,) = expand([stored], [USUAL_RUNTIME])
    except ValueError:  # pydantic's ValidationError is one, and so are several chains
        return None
    return chain


def _usual(runtimes: Sequence[str]) -> list[str]:
    known = {name for runtime in runtimes for name in quantizations(runtime)}
    return [name for name in USUAL if name in known]


class _Reader:
    """Reads recipes, and gathers everything that is wrong with them.

    Attributes:
        problems: What is wrong so far.
    """

    def __init__(self, runtimes: Sequence[str]) -> None:
        self._runtimes, self._passes = tuple(runtimes), passes()
        self.problems = Problems()

    def chains(self, place: Place, recipe: Any) -> Iterator[Chain]:
        """Yields the chains of one recipe, as far as they are right."""
        positions, runtimes = self._read(place, recipe)
        if math.prod(map(len, positions)) > MOST:
            self.problems.add(place, f"it stands for more than {MOST:,} chains")
            return
        for combination in itertools.product(*positions):
            *before, last = combination
            if last.name in self._passes:
                before, last = [*combination], Choice(last.place, FLOAT, {}, {})
            yield from self._ended(before, last, runtimes)

    def _read(self, place: Place, recipe: Any) -> tuple[list[list[Choice]], tuple[str, ...]]:
        """Returns the alternatives of every step of a recipe, and the runtimes of its files."""
        if isinstance(recipe, dict) and recipe.keys() & _OLDER:
            written = [((*place, str(name)), recipe.get(name, FLOAT)) for name in _OLDER]
            for name in recipe.keys() - {*_OLDER, _RUNTIME}:
                self.problems.unknown_field((*place, str(name)), recipe[name])
            asked = [((*place, _RUNTIME), recipe[_RUNTIME])] if _RUNTIME in recipe else []
        else:
            steps = enumerate(recipe) if isinstance(recipe, list) else []
            written = [((*place, at), step) for at, step in steps] or [(place, recipe)]
            asked = [((*at, _RUNTIME), step[_RUNTIME]) for at, step in written[-1:] if _names_runtime(step)]
            written = written[: len(written) - len(asked)] or [(place, FLOAT)]
        positions = [choices(at, step, self.problems) for at, step in written]
        return positions, self._asked(*asked[0]) if asked else self._runtimes

    def _asked(self, place: Place, written: Any) -> tuple[str, ...]:
        names = written if isinstance(written, list) else [written]
        for name in names:
            if str(name) not in RUNTIMES:
                self.problems.unknown(place, name, RUNTIMES)
        return tuple(name for name in names if str(name) in RUNTIMES)

    def _ended(self, before: Sequence[Choice], last: Choice, runtimes: Sequence[str]) -> Iterator[Chain]:
        """Yields the chain of some passes and a quantization, for every runtime that has it."""
        applied = [(choice, self._pass(choice)) for choice in before if choice.name != FLOAT]
        steps = [self._step(choice, method) for choice, method in applied]
        known = {runtime: quantizations(runtime) for runtime in runtimes}
        endings = {runtime: methods[last.name] for runtime, methods in known.items() if last.name in methods}
        if not endings:
            self._refuse_end(last, known)
        for runtime, method in endings.items():
            right = [step for step in (*steps, self._step(last, method)) if step is not None]
            if len(right) == len(applied) + 1:
                self._check_order([*applied, (last, method)])
                yield Chain(tuple(right[:-1]), right[-1], runtime, last.place)

    def _check_order(self, applied: Sequence[tuple[Choice, Method | None]]) -> None:
        wrong = destroyer([method for _, method in applied if method is not None])
        if wrong is not None:
            at, message = wrong
            self.problems.add(applied[at][0].place, message)

    def _pass(self, choice: Choice) -> Method | None:
        if choice.name in self._passes:
            return self._passes[choice.name]
        if any(choice.name in quantizations(runtime) for runtime in RUNTIMES):
            self.problems.add(
                choice.place,
                f"{choice.name} gives files: nothing can follow it; alternatives are a list of their own",
            )
        else:
            self.problems.unknown(choice.place, choice.name, [FLOAT, *self._passes])
        return None

    def _refuse_end(self, last: Choice, known: dict[str, dict[str, Method]]) -> None:
        elsewhere = [runtime for runtime in RUNTIMES if last.name in quantizations(runtime)]
        if elsewhere:
            self.problems.add(
                last.place,
                f"{last.name} is a quantization of {', '.join(elsewhere)}, "
                f"and the runtimes are {', '.join(known) or 'none'}",
            )
        else:
            names = dict.fromkeys(name for methods in known.values() for name in methods)
            self.problems.unknown(last.place, last.name, [*names, *self._passes])

    def _step(self, choice: Choice, method: Method | None) -> Step | None:
        """Returns a step with its parameters validated, or None where it is wrong."""
        if method is None:
            return None
        if MAIN in choice.params and method.main is None:
            self.problems.add(
                choice.places[MAIN],
                f"expected {{{method.name}: {{parameter: value}}}}: it has no main parameter",
            )
            return None
        main = method.main or MAIN
        given = {name or main: value for name, value in choice.params.items()}
        places = {name or main: place for name, place in choice.places.items()}
        try:
            return Step(method.name, method.params.model_validate(given))
        except ValidationError as error:
            self.problems.include(error, places, (*choice.place, method.name))
            return None


def _names_runtime(step: Any) -> bool:
    return isinstance(step, dict) and list(step) == [_RUNTIME]
