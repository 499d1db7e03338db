"""How often rows have decided: test rows wear out, and whoever ships by them ought to know it.

    <target>/ledger.json   every decision that rested on test rows, the oldest first

It lies beside the champion and changes by compare-and-swap, as the pointer does: of two runs that decide at
once, each gets a number of its own. A decision is written down before the test rows are looked at; a run that
dies after that, and never goes on, has spent it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trimtab.deploy.moves import SCHEMA_VERSION
from trimtab.deploy.repository import Repository
from trimtab.storage.sealed import checksum_of


class Decision(BaseModel):
    """A run that decided by test rows.

    Attributes:
        rows: The fingerprint of the test rows.
        limits: A digest of the limits that were tested on them.
        run: The URI of the run's directory.
        at: UTC, ISO 8601.

    What a newer trimtab adds is kept, as decisions are written again with each new one.
    """

    model_config = ConfigDict(extra="allow")

    rows: str
    limits: str
    run: str
    at: str


class Ledger(BaseModel):
    """``ledger.json``: every decision, the oldest first.

    Attributes:
        decisions: The decisions.
        decisions_sha256: How many there are, and a checksum over them: see ``checksum_of``.
        schema_version: Of the file.
    """

    model_config = ConfigDict(extra="allow")

    decisions: list[Decision]
    decisions_sha256: str = ""
    schema_version: int = Field(SCHEMA_VERSION, ge=1)

    @model_validator(mode="after")
    def _check_whole(self) -> Ledger:
        count, _, _ = self.decisions_sha256.partition(":")
        if count == str(len(self.decisions)) and self.decisions_sha256 != checksum_of(self.decisions):
            raise ValueError("its decisions are not what their checksum says")
        return self

    def of(self, rows: str) -> list[Decision]:
        """Returns the decisions that rested on these rows."""
        return [decision for decision in self.decisions if decision.rows == rows]


def read(repository: Repository) -> Ledger:
    """Returns the decisions so far; none where there is no ledger.

    Raises:
        DeployError: If the ledger is damaged.
    """
    return repository.parse_ledger(Ledger, repository.ledger()) or Ledger(decisions=[])


def enter(repository: Repository, rows: str, limits: str, run_uri: str) -> list[Decision]:
    """Writes a decision down, unless this run has done so before, as one that goes on.

    Args:
        repository: Where.
        rows: The fingerprint of the test rows.
        limits: A digest of the limits that are tested on them.
        run_uri: The URI of the run's directory.

    Returns:
        All decisions on these rows up to this one, which is the last.

    Raises:
        DeployError: If the ledger is damaged.
        StorageError: If it cannot be written.
    """
    while True:
        content = repository.ledger()
        ledger = repository.parse_ledger(Ledger, content) or Ledger(decisions=[])
        decisions = ledger.of(rows)
        place = next((place for place, decision in enumerate(decisions) if decision.run == run_uri), None)
        if place is not None:
            return decisions[: place + 1]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        ledger.decisions.append(Decision(rows=rows, limits=limits, run=run_uri, at=now))
        ledger.decisions_sha256 = checksum_of(ledger.decisions)
        if repository.swap_ledger(content, ledger):
            return ledger.of(rows)
