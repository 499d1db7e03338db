"""The ``proof`` section: what becomes of a proof whose test rows have decided before."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trimtab.config.base import Section


class ProofSettings(Section):
    """How test rows may be used again; `<deploy.target>/ledger.json` counts how often they were."""

    reuse: Literal["warn", "spend"] = Field(
        "warn",
        description="`warn` says how often the same test rows have decided. `spend` shares the risk "
        "(1 - confidence) out over all decisions on them: the k-th gets its k(k+1)-th part.",
    )
