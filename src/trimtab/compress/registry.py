"""The methods by name; each is imported when it is asked for, so that listing them costs nothing."""

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
    "none": "trimtab.compress.no_quantize:no_quantize",
    "float16": "trimtab.compress.float16:float16",
    "dynamic_int8": "trimtab.compress.dynamic_int8:dynamic_int8",
    "int8": "trimtab.compress.int8:int8",
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
