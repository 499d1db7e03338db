"""The registry and the config's unions name the same methods, and listing them imports nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

from trimtab.compress import registry
from trimtab.config import recipes
from trimtab.runtimes.registry import runtime


def declared(union: object) -> set[str]:
    return {section.model_fields["method"].default for section in get_args(get_args(union)[0])}


def test_every_declared_method_is_registered_and_no_other() -> None:
    assert set(registry.PRUNE) == declared(recipes.Prune)
    assert {*registry.QUANTIZE, *runtime("litert").quantizers} == declared(recipes.Quantize)


def test_every_method_can_be_resolved() -> None:
    for name in registry.PRUNE:
        assert callable(registry.prune_method(name))
    for name in registry.QUANTIZE:
        assert callable(registry.quantize_method(name))


def test_listing_methods_imports_no_framework() -> None:
    script = (
        "import sys, trimtab.compress.registry, trimtab.config.config\n"
        "assert not {'tensorflow', 'keras', 'tf_keras', 'tensorflow_model_optimization'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
