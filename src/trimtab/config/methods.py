"""What a step of a chain can be, from the declarations that stand beside the code.

A pass makes a Keras model of a Keras model, or ends the chain with the files of a runtime. A runtime's own
quantizations end it, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.config.base import Section
from trimtab.config.parameters import main_parameter
from trimtab.errors import ConfigError
from trimtab.registry import PASSES, RUNTIMES, module

KERAS = "keras"
FLOAT = "none"
"""The quantization that every runtime has: 32-bit floats."""

TRAITS = frozenset({"zeros", "two_four", "clusters", "widths"})
"""What a pass can make of a model, and a later one can keep or destroy; see ``compress/traits.py``."""


@dataclass(frozen=True)
class Method:
    """A pass, or a quantization of one runtime.

    Attributes:
        name: As chains call it.
        params: The class of its parameters.
        summary: What it does, in a sentence.
        takes: ``keras``.
        gives: ``keras``, or the name of the runtime whose files it gives.
        needs: Of ``data``, ``gradients`` and ``labels``.
        makes: Traits that the model has after it, such as ``zeros``.
        keeps: Traits of the model that it does not destroy.
        source: Where the method is described.
    """

    name: str
    params: type[Section]
    summary: str
    gives: str
    needs: frozenset[str]
    makes: frozenset[str]
    keeps: frozenset[str]
    source: str
    takes: str = KERAS

    @property
    def main(self) -> str | None:
        """Returns the name of the main parameter, if there is one."""
        return main_parameter(self.params)


def passes() -> dict[str, Method]:
    """Returns what makes a Keras model of a Keras model, by name."""
    return {name: method for name, method in _passes().items() if method.gives == KERAS}


def quantizations(runtime: str) -> dict[str, Method]:
    """Returns what ends a chain with the files of a runtime, by name."""
    quantizers: dict[str, Any] = module(RUNTIMES, runtime).RUNTIME.quantizers
    files = {
        name: Method(name, each.params, each.summary, runtime, each.needs, frozenset(), TRAITS, each.source)
        for name, each in quantizers.items()
    }
    return files | {name: method for name, method in _passes().items() if method.gives == runtime}


def every() -> list[Method]:
    """Returns all that can stand in a chain: first what gives Keras models, then runtime by runtime."""
    return [*passes().values(), *(method for name in RUNTIMES for method in quantizations(name).values())]


def parameters(name: Any) -> list[str]:
    """Returns the names of a method's parameters; none where there is no such method."""
    return [field for method in every() if method.name == name for field in method.params.model_fields]


def having(parameter: str) -> list[str]:
    """Returns the names of the methods that have a parameter."""
    return list(dict.fromkeys(method.name for method in every() if parameter in method.params.model_fields))


def installed() -> tuple[str, ...]:
    """Returns the runtimes whose libraries are installed, in the order of the registry."""
    return tuple(name for name in RUNTIMES if _is_installed(name))


def _passes() -> dict[str, Method]:
    return {name: _method(name, module(PASSES, name).PASS) for name in PASSES}


def _method(name: str, declared: Any) -> Method:
    return Method(
        name,
        declared.params,
        declared.summary,
        declared.gives,
        declared.needs,
        declared.makes,
        declared.keeps,
        declared.source,
    )


def _is_installed(runtime: str) -> bool:
    try:
        module(RUNTIMES, runtime).RUNTIME.check_installed()
    except ConfigError:
        return False
    return True
