"""What a process of the search is to measure."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.config.chains import Chain


@dataclass(frozen=True)
class Job:
    """A chain to measure.

    Attributes:
        name: In the run's journal of the search.
        chain: The chain.
        file: The reference of its files; empty: its passes are applied now, without fine-tuning.
    """

    name: str
    chain: Chain
    file: str = ""
