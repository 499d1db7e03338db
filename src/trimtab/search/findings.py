"""What a search knows so far: of chains as they are made, and of the same without fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from trimtab.artifacts.search import Measured
from trimtab.config.budget import Budget
from trimtab.config.chains import Chain
from trimtab.search import worth

_SAVING, _SAVING_OF_TIME = 0.02, 0.06
"""What a pass must save of the cost beside the quantization alone; where latency counts, for its noise."""


@dataclass
class Findings:
    """What is known, and what it is worth by a budget.

    Attributes:
        budget: What the run asks for.
        baseline: What is known of the baseline.
        tuned: What is known of chains that are made, in their order.
        untuned: The same, of chains without fine-tuning.
    """

    budget: Budget
    baseline: Measured = field(default_factory=Measured)
    tuned: dict[Chain, Measured] = field(default_factory=dict)
    untuned: dict[Chain, Measured] = field(default_factory=dict)

    @property
    def least_saving(self) -> float:
        """What counts as cheaper, as a share of the cost."""
        return _SAVING if self.budget.objective == "size" else _SAVING_OF_TIME

    def cost(self, measured: Measured) -> float:
        """Returns the cost over the baseline's."""
        return worth.cost(measured, self.baseline, self.budget)

    def gain(self, chain: Chain) -> float:
        """Returns the expected gain of a chain as it is made; -1 if it cannot be, or was not."""
        measured = self.tuned.get(chain, Measured(reason="it was not made"))
        return -1.0 if measured.reason else worth.gain(measured, self.baseline, self.budget)

    def best_gain(self) -> float:
        """Returns the largest expected gain of all that is made and may keep the limits of costs."""
        return max((self.gain(chain) for chain in self.usable()), default=0.0)

    def usable(self) -> dict[Chain, Measured]:
        """Returns what is made and may keep the limits of costs; what the baseline seems to gain is noise."""
        return {
            chain: measured
            for chain, measured in self.tuned.items()
            if measured is not self.baseline and not worth.why_not(measured, self.baseline, self.budget)
        }

    def useful(self) -> dict[Chain, Measured]:
        """Returns what gains something without fine-tuning."""
        return {
            chain: measured for chain, measured in self.untuned.items() if not self.why_not(chain, measured)
        }

    def saves(self, chain: Chain, than: Chain) -> bool:
        """Returns whether a chain that was made costs less than another."""
        one, other = self.tuned[chain], self.tuned[than]
        if one.reason or other.reason:
            return False
        return self.cost(one) < self.cost(other) * (1 - self.least_saving)

    def is_beaten(self, chain: Chain) -> bool:
        """Returns whether a chain gained less than the best, if it lost nothing at all by more epochs."""
        cost = self._least_cost(chain)
        return cost > 0 and -math.log(cost) <= self.best_gain()

    def is_stronger(self, chain: Chain, than: Chain) -> bool:
        """Returns whether a chain takes away more than another one of the same methods."""
        return chain.methods == than.methods and self._least_cost(chain) < self._least_cost(than)

    def is_hopeless(self, chains: Iterable[Chain]) -> bool:
        """Returns whether none of some chains that were made can be thought to keep the limits."""
        usable = [each for each in (self.tuned[chain] for chain in chains) if not each.reason]
        return bool(usable) and all(worth.is_within(each, self.budget) < worth.HOPELESS for each in usable)

    def _least_cost(self, chain: Chain) -> float:
        """Returns the cost over the baseline's, as far as it is known; 0 where it is not."""
        known = [each[chain] for each in (self.tuned, self.untuned) if chain in each]
        return min((self.cost(each) for each in known if not each.reason), default=0.0)

    def best(self, chains: Iterable[Chain], default: Chain) -> Chain:
        """Returns the chain with the largest expected gain of those that are made."""
        return max((each for each in chains if each in self.tuned), key=self.gain, default=default)

    def why_not(self, chain: Chain, measured: Measured) -> str:
        """Returns why a chain can be left out before it is fine-tuned: beside the same without its passes."""
        if reason := worth.why_not(measured, self.baseline, self.budget):
            return reason
        plain = self.tuned.get(Chain((), chain.quantization, chain.runtime))
        if not chain.steps or plain is None or plain.reason:
            return ""
        now, before = self.cost(measured), self.cost(plain)
        if now < before * (1 - self.least_saving):
            return ""
        return (
            f"its passes save nothing beside {chain.quantization.name} alone: {now:.3f} against {before:.3f}"
        )

    def told(self, chain: Chain, measured: Measured) -> str:
        """Returns a line on a chain."""
        if measured.reason:
            return f"{chain.id} cannot be made: {measured.reason.splitlines()[0]}"
        relative = self.cost(measured) if self.baseline.size_bytes else 1.0
        return f"{chain.id}: {measured.strain:.0%} of the limit on validation rows, cost times {relative:.3f}"
