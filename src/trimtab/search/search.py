"""The search: sensitivity first, then successive halving of fine-tuning epochs over what is left.

1. The trained model as it is, by each quantization that trains nothing: what each costs, and what it loses.
2. Each pass at a few strengths, without fine-tuning: its costs are final, its loss is the worst case. What
   gains nothing, or cannot keep the limits of size and latency, is left out; the loss alone leaves out
   nothing.
3. Rungs: what is left is fine-tuned for a few epochs, the better part of it for more, and so on, each rung
   with an equal share of the epochs (Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed
   bandits", 2013; Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
   optimization", 2016). Each rung trains anew, so that every schedule of the learning rate runs to its end.
   From the second rung on the best is also followed by a second pass.

What it hands on are ordinary chains; what they are worth is proven by nobody here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Protocol

from trimtab.artifacts.search import Measured, SearchSummary, Tried
from trimtab.config.budget import Budget
from trimtab.config.chains import Chain, Step
from trimtab.config.methods import passes
from trimtab.config.search import Search
from trimtab.errors import ModelError
from trimtab.search.space import Space, at_rung, epochs_of, is_in_order, variants
from trimtab.search.worth import cost, counted, fronts, gain, is_within, why_not

RUNGS = 3
ENDINGS = 2
"""Quantizations that a fine-tuned model is made into: the best of those of the baseline."""

_HOPELESS = 0.05
"""What keeps the limits of quality with less probability is not handed on."""

_SAVING, _SAVING_OF_TIME = 0.02, 0.06
"""What a pass must save of the cost beside the quantization alone; where latency counts, for its noise."""

_SURE = 0.95
"""What keeps the limits with this probability has nothing to win back by a trained quantization."""

_NO_EPOCHS = "there were no epochs left for it (search.max_epochs)"
_NO_LOSS = "without such a training next to nothing is lost: there is nothing to win back"


class Bench(Protocol):
    """What makes chains, and measures what comes out."""

    def untuned(self, chains: Sequence[Chain]) -> list[Measured]:
        """Returns what chains are whose passes are applied without fine-tuning, in their order."""

    def tuned(self, chains: Sequence[Chain]) -> list[Measured]:
        """Returns what chains are as they say, in their order."""


@dataclass
class _Search:
    """A search at work.

    Attributes:
        space: What may be tried.
        bench: Tries it.
        budget: What the run asks for.
        settings: What may be spent.
        say: Reports one line.
        started: When it began.
        baseline: What is known of the baseline.
        tuned: What is known of chains that are made, in their order.
        untuned: The same, of chains without fine-tuning.
        steps: Chains' trained parts that are paid for.
        epochs: Of those.
        waiting: Chains that there were no epochs for.
        spared: Chains that would be trained to bear their quantization, which loses nothing, by id.
        stopped: Why it ended early; empty: it did not.
    """

    space: Space
    bench: Bench
    budget: Budget
    settings: Search
    say: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    baseline: Measured = field(default_factory=Measured)
    tuned: dict[Chain, Measured] = field(default_factory=dict)
    untuned: dict[Chain, Measured] = field(default_factory=dict)
    steps: set[str] = field(default_factory=set)
    epochs: int = 0
    waiting: list[Chain] = field(default_factory=list)
    spared: dict[str, Chain] = field(default_factory=dict)
    stopped: str = ""

    def run(self, start: Chain) -> None:
        """Tries what there is to try, as long as it may."""
        self._make([start])
        self.baseline = self.tuned[start]
        if self.baseline.reason:
            raise ModelError(f"it cannot be judged as it is: {self.baseline.reason}", field="recipes")
        self._make([Chain((), step, runtime) for step, runtime in self.space.endings])
        self._vary(*self._endings()[0])
        arms = self._arms(self._endings()[0])
        for rung in range(RUNGS):
            if not arms or self._is_over_time():
                break
            arms = self._rung(arms, rung)

    def _vary(self, step: Step, runtime: str) -> None:
        """Tries other values of a quantization's parameters: one of each, and all where that is cheaper."""
        usual = Chain((), step, runtime)
        listed = [[Chain((), each, runtime) for each in steps] for steps in variants(step)]
        self._make([chains[0] for chains in listed])
        if not self._is_over_time():
            self._make([each for chains in listed if self._saves(chains[0], usual) for each in chains])

    @property
    def _least_saving(self) -> float:
        return _SAVING if self.budget.objective == "size" else _SAVING_OF_TIME

    def _saves(self, chain: Chain, than: Chain) -> bool:
        """Returns whether a chain that was made costs less than another."""
        one, other = self.tuned[chain], self.tuned[than]
        if one.reason or other.reason:
            return False
        now, before = (cost(each, self.baseline, self.budget) for each in (one, other))
        return now < before * (1 - self._least_saving)

    def _rung(self, arms: Sequence[Chain], rung: int) -> list[Chain]:
        """Fine-tunes as many of some chains as a rung may, and returns them, the best first."""
        share, climbed = (self.settings.max_epochs - self.epochs) // (RUNGS - rung), list[Chain]()
        until = self.epochs + share
        for arm in arms:
            if self._is_beaten(arm):
                continue
            chain = at_rung(arm, rung)
            asked = self._asked(chain)
            if self.epochs + asked > until:
                self.waiting.append(chain)
                continue
            if self._is_over_time():
                break
            self._pay(chain)
            self._make([chain, *self._ended(chain)])
            climbed.append(self._best_ended(chain))
        best = sorted(climbed, key=self._gain_of, reverse=True)
        return [*self._extended(best[:1]), *best]

    def _is_beaten(self, arm: Chain) -> bool:
        """Returns whether a chain gained less than the best, if it lost nothing at all by more epochs."""
        best = max((gain(each, self.baseline, self.budget) for each in self._usable().values()), default=0.0)
        known = [each[arm] for each in (self.tuned, self.untuned) if arm in each]
        costs = [cost(each, self.baseline, self.budget) for each in known if not each.reason]
        return bool(costs) and -math.log(min(costs)) <= best

    def _usable(self) -> dict[Chain, Measured]:
        """Returns what is made and may keep the limits of costs; what the baseline seems to gain is noise."""
        return {
            chain: measured
            for chain, measured in self.tuned.items()
            if measured is not self.baseline and not why_not(measured, self.baseline, self.budget)
        }

    def _ended(self, chain: Chain) -> list[Chain]:
        """Returns a chain with each of the best quantizations, if its own trains nothing."""
        if epochs_of([chain.quantization]):
            return [chain]
        return [Chain(chain.steps, step, runtime) for step, runtime in self._endings()]

    def _best_ended(self, chain: Chain) -> Chain:
        """Returns a chain that was fine-tuned with the quantization that gained most."""
        return max(
            (each for each in (chain, *self._ended(chain)) if each in self.tuned),
            key=self._gain_of,
            default=chain,
        )

    def _gain_of(self, chain: Chain) -> float:
        measured = self.tuned.get(chain, Measured(reason="it was not made"))
        return -1.0 if measured.reason else gain(measured, self.baseline, self.budget)

    def _extended(self, best: Sequence[Chain]) -> list[Chain]:
        """Returns the best chains with one more pass that gains by itself, or with what mends them."""
        longer = list[Chain]()
        for chain in (each for each in best if each.steps and not epochs_of([each.quantization])):
            names = {step.name for step in chain.steps}
            others = (step for step in self._useful_steps() if step.name not in names)
            passed = (Chain((*chain.steps, step), chain.quantization, chain.runtime) for step in others)
            longer += [each for each in passed if is_in_order(each)][:1]
            longer += self._mended(chain)
        return longer

    def _useful_steps(self) -> list[Step]:
        """Returns the steps that gained something by themselves, the cheapest first."""
        worth = {
            chain: cost(measured, self.baseline, self.budget)
            for chain, measured in self.untuned.items()
            if not self._why_not(chain, measured)
        }
        return [chain.steps[0] for chain in sorted(worth, key=lambda chain: worth[chain])]

    def _arms(self, ending: tuple[Step, str]) -> list[Chain]:
        """Returns what is worth fine-tuning, the most promising first, by what it is without."""
        if self._is_over_time() or not self.settings.max_epochs:
            return []
        self._sound([[Chain((step,), *ending) for step in steps] for steps in self.space.steps])
        points = {
            chain: (measured.strain, cost(measured, self.baseline, self.budget))
            for chain, measured in self.untuned.items()
            if not self._why_not(chain, measured)
        }
        ranked = [chain for front in fronts(points) for chain in sorted(front, key=lambda c: points[c][1])]
        return [*ranked, *self._mended(Chain((), *ending))]

    def _sound(self, by_pass: Sequence[Sequence[Chain]]) -> None:
        """Tries each pass at its middle strength, and at the others if that saves something."""
        middles = [strengths[len(strengths) // 2] for strengths in by_pass]
        possible = [is_in_order(middle) for middle in middles]
        self._probe(list(compress(middles, possible)))
        if not self._is_over_time():
            self._probe(
                [
                    chain
                    for middle, strengths in zip(middles, by_pass, strict=True)
                    if middle in self.untuned and not self._why_not(middle, self.untuned[middle])
                    for chain in strengths
                ]
            )

    def _mended(self, chain: Chain) -> list[Chain]:
        """Returns a chain with what trains to bear its quantization, where there is something to win back."""
        names = {step.name for step in chain.steps}
        menders = (step for step in self._menders() if step.name not in names)
        longer = [Chain((*chain.steps, step), chain.quantization, chain.runtime) for step in menders]
        longer += [Chain(chain.steps, *ending) for ending in self.space.trained]
        chains = [each for each in longer if is_in_order(each)]
        if is_within(self.tuned[chain], self.budget) >= _SURE:
            self.spared.update({each.id: each for each in chains})
            return []
        return chains

    def _menders(self) -> list[Step]:
        """Returns the passes that leave no trait in the model, and saved nothing by themselves."""
        known = passes()
        saved_nothing = [
            chain.steps[0]
            for chain, measured in self.untuned.items()
            if not measured.reason and self._why_not(chain, measured)
        ]
        return [step for step in saved_nothing if not known[step.name].makes]

    def _why_not(self, chain: Chain, measured: Measured) -> str:
        """Returns why a chain can be left out before it is fine-tuned: beside the same without its passes."""
        if reason := why_not(measured, self.baseline, self.budget):
            return reason
        plain = self.tuned.get(Chain((), chain.quantization, chain.runtime))
        if not chain.steps or plain is None or plain.reason:
            return ""
        now, before = (cost(each, self.baseline, self.budget) for each in (measured, plain))
        if now < before * (1 - self._least_saving):
            return ""
        return (
            f"its passes save nothing beside {chain.quantization.name} alone: {now:.3f} against {before:.3f}"
        )

    def _endings(self) -> list[tuple[Step, str]]:
        """Returns the quantizations of the baseline with the largest expected gain; the floats, if none.

        One that is too large or too slow for the budget is among them: passes may make it keep that.
        """
        plain = {
            chain: self._gain_of(chain)
            for chain in self.tuned
            if not chain.steps and not epochs_of([chain.quantization])
        }
        best = sorted((chain for chain in plain if plain[chain] > 0), key=lambda chain: -plain[chain])
        kinds = dict[tuple[str, str], Chain]()
        for chain in best:
            kinds.setdefault((chain.quantization.name, chain.runtime), chain)
        chosen = [(chain.quantization, chain.runtime) for chain in kinds.values()][:ENDINGS]
        return chosen or [self.space.endings[0]]

    def _make(self, chains: Sequence[Chain]) -> None:
        new = [chain for chain in dict.fromkeys(chains) if chain not in self.tuned]
        self.tuned.update(zip(new, self.bench.tuned(new), strict=True))
        for chain in new:
            self.say(self._told(chain, self.tuned[chain]))

    def _probe(self, chains: Sequence[Chain]) -> None:
        new = [chain for chain in dict.fromkeys(chains) if chain not in self.untuned]
        self.untuned.update(zip(new, self.bench.untuned(new), strict=True))
        for chain in new:
            self.say(f"without fine-tuning: {self._told(chain, self.untuned[chain])}")

    def _told(self, chain: Chain, measured: Measured) -> str:
        if measured.reason:
            return f"{chain.id} cannot be made: {measured.reason.splitlines()[0]}"
        relative = cost(measured, self.baseline, self.budget) if self.baseline.size_bytes else 1.0
        return f"{chain.id}: {measured.strain:.0%} of the limit on validation rows, cost times {relative:.3f}"

    def _asked(self, chain: Chain) -> int:
        """Returns the epochs that a chain asks for, beside what is there already."""
        return sum(epochs_of([parts[-1]]) for parts in _prefixes(chain) if repr(parts) not in self.steps)

    def _pay(self, chain: Chain) -> None:
        self.epochs += self._asked(chain)
        self.steps.update(repr(parts) for parts in _prefixes(chain))

    def _is_over_time(self) -> bool:
        minutes = self.settings.max_minutes
        if minutes is None or time.monotonic() - self.started < minutes * 60:
            return False
        self.stopped = f"search.max_minutes ({minutes:g}) are over"
        return True

    def left_over(self) -> dict[str, str]:
        """Returns what was worth fine-tuning, and never was, by id, and why."""
        paid = {repr(chain.steps) for chain in self.tuned}
        never = [chain.id for chain in self.waiting if repr(chain.steps) not in paid]
        return {**dict.fromkeys(never, _NO_EPOCHS), **dict.fromkeys(self.spared, _NO_LOSS)}

    def why_it_ended(self) -> str:
        """Returns why nothing more was tried."""
        if self.stopped or not self.waiting:
            return self.stopped or "everything that it would try was tried"
        return f"the {self.settings.max_epochs} epochs that it may take (search.max_epochs) were shared out"

    def chosen(self) -> list[Chain]:
        """Returns what is handed on: first what none is better than, of these the largest expected gain."""
        points = {
            chain: (measured.strain + measured.doubt, cost(measured, self.baseline, self.budget))
            for chain, measured in self._usable().items()
            if is_within(measured, self.budget) >= _HOPELESS
        }
        ranked = [
            chain
            for front in fronts(points)
            for chain in sorted(front, key=lambda c: -gain(self.tuned[c], self.baseline, self.budget))
        ]
        chosen = list[Chain]()
        for chain in ranked:
            if not any(self._is_like(chain, other) for other in chosen):
                chosen.append(chain)
        return chosen[: self.settings.max_candidates]

    def _is_like(self, one: Chain, other: Chain) -> bool:
        """Returns whether two chains are of the same methods, and cost the same."""
        costs = [cost(self.tuned[each], self.baseline, self.budget) for each in (one, other)]
        return _methods(one) == _methods(other) and max(costs) < min(costs) * (1 + self._least_saving)

    def tried(self, chosen: Sequence[Chain]) -> list[Tried]:
        """Returns all that was tried, in order, with what became of it."""
        return [
            *(
                self._entry(chain, measured, tuned=True, chosen=chosen)
                for chain, measured in self.tuned.items()
            ),
            *(
                self._entry(chain, measured, tuned=False, chosen=())
                for chain, measured in self.untuned.items()
            ),
        ]

    def _entry(self, chain: Chain, measured: Measured, *, tuned: bool, chosen: Sequence[Chain]) -> Tried:
        is_chosen = chain in chosen
        known = {} if measured.reason else self._known(measured)
        return Tried(
            candidate=chain.id,
            recipe=chain.to_json(),
            tuned=tuned,
            epochs=epochs_of((*chain.steps, chain.quantization)) if tuned else 0,
            chosen=is_chosen,
            reason="" if is_chosen else self._reason(chain, measured, tuned=tuned),
            **known,
        )

    def _known(self, measured: Measured) -> dict[str, float]:
        return {
            "strain": measured.strain,
            "size_bytes": counted(measured, self.budget),
            "latency_ms": measured.latency_ms,
            "speedup": measured.speed,
            "cost": cost(measured, self.baseline, self.budget),
        }

    def _reason(self, chain: Chain, measured: Measured, *, tuned: bool) -> str:
        if not tuned:
            return self._why_not(chain, measured) or "it was tried without fine-tuning, to tell what it costs"
        if measured is self.baseline:
            return "it is the baseline"
        if reason := why_not(measured, self.baseline, self.budget):
            return reason
        if is_within(measured, self.budget) < _HOPELESS:
            return f"it loses {measured.strain:.1f} times what the budget allows, on validation rows"
        return "others are as good in loss and cost, or better"


def _methods(chain: Chain) -> tuple[str, ...]:
    return (*(step.name for step in (*chain.steps, chain.quantization)), chain.runtime)


def _prefixes(chain: Chain) -> list[tuple[Step, ...]]:
    whole = (*chain.steps, chain.quantization)
    return [whole[: place + 1] for place in range(len(whole))]


def search(
    start: Chain,
    space: Space,
    bench: Bench,
    budget: Budget,
    settings: Search,
    say: Callable[[str], None],
) -> SearchSummary:
    """Returns what was tried, and the chains to go on with.

    Args:
        start: The baseline.
        space: What may be tried.
        bench: Tries it.
        budget: What the run asks for.
        settings: What may be spent.
        say: Reports one line.

    Raises:
        ModelError: If the baseline itself cannot be judged.
    """
    work = _Search(space, bench, budget, settings, say)
    work.run(start)
    chosen = work.chosen()
    return SearchSummary(
        recipes=[chain.to_json() for chain in chosen] or [start.to_json()],
        tried=work.tried(chosen),
        left_out={**space.left_out, **work.left_over()},
        epochs=work.epochs,
        max_epochs=settings.max_epochs,
        stopped=work.why_it_ended(),
    )
