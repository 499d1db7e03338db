"""The search: sensitivity first, then successive halving of fine-tuning epochs over what is left.

1. The trained model as it is, by each quantization that trains nothing: what each costs, and what it loses.
2. Each pass at a few strengths, without fine-tuning: its costs are final, its loss is the worst case. What
   gains nothing, or cannot keep the limits of size and latency, is left out; the loss alone leaves out
   nothing.
3. Rungs: what is left is fine-tuned for a few epochs, the better part of it for more, and so on, each rung
   with an equal share of the epochs (Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed
   bandits", 2013; Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
   optimization", 2016). Each rung trains anew, so that every schedule of the learning rate runs to its end.
   From the second rung on the best is also followed by a second pass. Of a pass the middle strength comes
   first: where it loses too much, a stronger one is not fine-tuned.

What it hands on are ordinary chains; what they are worth is proven by nobody here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Protocol

from trimtab.artifacts.search import Measured, SearchSummary
from trimtab.config.budget import Budget
from trimtab.config.chains import Chain, Step
from trimtab.config.methods import passes
from trimtab.config.search import Search
from trimtab.errors import ModelError
from trimtab.search.choice import choose, entries
from trimtab.search.findings import Findings
from trimtab.search.space import Space, at_rung, epochs_of, is_in_order, variants
from trimtab.search.worth import fronts, is_within

RUNGS = 3
ENDINGS = 2
"""Quantizations that a fine-tuned model is made into: the best of those of the baseline."""

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
        settings: What may be spent.
        say: Reports one line.
        started: When it began.
        known: What it found.
        steps: Chains' trained parts that are paid for.
        epochs: Of those.
        waiting: Chains that there were no epochs for.
        spared: Why chains are not fine-tuned that might be, by id.
        stopped: Why it ended early; empty: it did not.
    """

    space: Space
    bench: Bench
    known: Findings
    settings: Search
    say: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    steps: set[str] = field(default_factory=set)
    epochs: int = 0
    waiting: list[Chain] = field(default_factory=list)
    spared: dict[str, str] = field(default_factory=dict)
    stopped: str = ""

    def run(self, start: Chain) -> None:
        """Tries what there is to try, as long as it may."""
        self._make([start])
        self.known.baseline = self.known.tuned[start]
        if reason := self.known.baseline.reason:
            raise ModelError(f"it cannot be judged as it is: {reason}", field="recipes")
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
            self._make([each for chains in listed if self.known.saves(chains[0], usual) for each in chains])

    def _rung(self, arms: Sequence[Chain], rung: int) -> list[Chain]:
        """Fine-tunes as many of some chains as a rung may, and returns them, the best first."""
        share, climbed = (self.settings.max_epochs - self.epochs) // (RUNGS - rung), list[Chain]()
        until, hopeless = self.epochs + share, list[Chain]()
        for arm in arms:
            if self.known.is_beaten(arm):
                continue
            if weaker := next((each for each in hopeless if self.known.is_stronger(arm, each)), None):
                self.spared[arm.id] = f"{weaker.id} takes less away, and lost too much"
                continue
            chain = at_rung(arm, rung)
            asked = self._asked(chain)
            if self.epochs + asked > until:
                self.waiting.append(chain)
                continue
            if self._is_over_time():
                break
            self._pay(chain)
            files = [chain, *self._ended(chain)]
            self._make(files)
            climbed.append(self.known.best(files, default=chain))
            if self.known.is_hopeless(files):
                hopeless.append(arm)
        best = sorted(climbed, key=self.known.gain, reverse=True)
        return [*self._extended(best[:1]), *best]

    def _ended(self, chain: Chain) -> list[Chain]:
        """Returns a chain with each of the best quantizations, if its own trains nothing."""
        if epochs_of([chain.quantization]):
            return [chain]
        return [Chain(chain.steps, step, runtime) for step, runtime in self._endings()]

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
        useful = self.known.useful()
        return [chain.steps[0] for chain in sorted(useful, key=lambda chain: self.known.cost(useful[chain]))]

    def _arms(self, ending: tuple[Step, str]) -> list[Chain]:
        """Returns what is worth fine-tuning, the most promising first, by what it is without."""
        if self._is_over_time() or not self.settings.max_epochs:
            return []
        self._sound([[Chain((step,), *ending) for step in steps] for steps in self.space.steps])
        points = {
            chain: (measured.strain, self.known.cost(measured))
            for chain, measured in self.known.useful().items()
        }
        ranked = [chain for front in fronts(points) for chain in sorted(front, key=lambda c: points[c][1])]
        # By a middle strength all on its one side are decided: they are beaten, or lose more.
        middles = {strengths[len(strengths) // 2] for strengths in self.space.steps}
        ranked.sort(key=lambda chain: chain.steps[0] not in middles)
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
                    if middle in self.known.useful()
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
        if is_within(self.known.tuned[chain], self.known.budget) >= _SURE:
            self.spared.update(dict.fromkeys((each.id for each in chains), _NO_LOSS))
            return []
        return chains

    def _menders(self) -> list[Step]:
        """Returns the passes that leave no trait in the model, and saved nothing by themselves."""
        known = passes()
        saved_nothing = [
            chain.steps[0]
            for chain, measured in self.known.untuned.items()
            if not measured.reason and self.known.why_not(chain, measured)
        ]
        return [step for step in saved_nothing if not known[step.name].makes]

    def _endings(self) -> list[tuple[Step, str]]:
        """Returns the quantizations of the baseline with the largest expected gain; the floats, if none.

        One that is too large or too slow for the budget is among them: passes may make it keep that.
        """
        plain = {
            chain: self.known.gain(chain)
            for chain in self.known.tuned
            if not chain.steps and not epochs_of([chain.quantization])
        }
        best = sorted((chain for chain in plain if plain[chain] > 0), key=lambda chain: -plain[chain])
        kinds = dict[tuple[str, str], Chain]()
        for chain in best:
            kinds.setdefault((chain.quantization.name, chain.runtime), chain)
        chosen = [(chain.quantization, chain.runtime) for chain in kinds.values()][:ENDINGS]
        return chosen or [self.space.endings[0]]

    def _make(self, chains: Sequence[Chain]) -> None:
        new = [chain for chain in dict.fromkeys(chains) if chain not in self.known.tuned]
        self.known.tuned.update(zip(new, self.bench.tuned(new), strict=True))
        for chain in new:
            self.say(self.known.told(chain, self.known.tuned[chain]))

    def _probe(self, chains: Sequence[Chain]) -> None:
        new = [chain for chain in dict.fromkeys(chains) if chain not in self.known.untuned]
        self.known.untuned.update(zip(new, self.bench.untuned(new), strict=True))
        for chain in new:
            self.say(f"without fine-tuning: {self.known.told(chain, self.known.untuned[chain])}")

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
        paid = {repr(chain.steps) for chain in self.known.tuned}
        never = [chain.id for chain in self.waiting if repr(chain.steps) not in paid]
        return {**dict.fromkeys(never, _NO_EPOCHS), **self.spared}

    def why_it_ended(self) -> str:
        """Returns why nothing more was tried."""
        if self.stopped or not self.waiting:
            return self.stopped or "everything that it would try was tried"
        return f"the {self.settings.max_epochs} epochs that it may take (search.max_epochs) were shared out"


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
    known = Findings(budget)
    work = _Search(space, bench, known, settings, say)
    work.run(start)
    chosen = choose(known, settings.max_candidates)
    return SearchSummary(
        recipes=[chain.to_json() for chain in chosen] or [start.to_json()],
        tried=entries(known, chosen),
        left_out={**space.left_out, **work.left_over()},
        epochs=work.epochs,
        max_epochs=settings.max_epochs,
        stopped=work.why_it_ended(),
    )
