"""The methods by name; each is imported when it is asked for, so that listing them costs nothing.

What a runtime's own converter quantizes is in ``trimtab.runtimes``.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from trimtab.compress.base import PruneMethod, QuantizeMethod

PRUNE = {
    "none": "trimtab.compress.no_prune:no_prune",
    "magnitude": "trimtab.compress.tfmot.magnitude:magnitude",
    "two_four": "trimtab.compress.tfmot.two_four:two_four",
    "channels": "trimtab.compress.channels:channels",
}
QUANTIZE = {
    "qat_int8": "trimtab.compress.tfmot.qat_int8:qat_int8",
}


def prune_method(name: str) -> PruneMethod:
    """Returns the pruning method of that name."""
    return cast(PruneMethod, _resolve(PRUNE[name]))


def quantize_method(name: str) -> QuantizeMethod:
    """Returns the quantization method of that name."""
    return cast(QuantizeMethod, _resolve(QUANTIZE[name]))


def _resolve(reference: str) -> object:
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
