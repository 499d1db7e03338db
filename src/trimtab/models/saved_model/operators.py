"""What a SavedModel may do: compute with numbers and with its own variables, and nothing else.

A graph is a program (https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md). Its operations read
and write files, run Python, call servers. Scanners list the bad ones: ``saved_model_cli scan`` knows
``ReadFile``, ``WriteFile`` and ``PrintV2``, ModelScan the first two, and some hundred others evade them. So
this says what may be: operations that TensorFlow registers as having no state, without a tensor of strings,
which is how files are named; a few with state; and not those that are named below all the same.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from tensorflow.core.framework import types_pb2

from trimtab.errors import ModelError
from trimtab.models.saved_model.signature import Signed
from trimtab.models.saved_model.unpublished import all_operations

_CALLS = frozenset({"Case", "If", "PartitionedCall", "StatefulPartitionedCall", "While"})
_VARIABLES = frozenset({"VarHandleOp", "VariableV2"})
_ASKED = (
    _CALLS
    | _VARIABLES
    | {"CheckNumerics", "DisableCopyOnRead", "Multinomial", "RandomStandardNormal", "RandomUniform"}
    | {"RandomUniformInt", "ReadVariableOp", "ResourceGather", "ResourceGatherNd", "TensorArrayGatherV3"}
    | {"TensorArrayReadV3", "TensorArrayScatterV3", "TensorArraySizeV3", "TensorArrayV3"}
    | {"TensorArrayWriteV3", "TruncatedNormal"}
)
"""Operations with state that answering may take: of variables, arrays, random numbers and calls."""
_RESTORED = frozenset({"Assign", "AssignVariableOp", "RestoreV2"}) | _CALLS | _VARIABLES
"""Those that reading the variables may take, beside what moves their names and values."""
_MOVES = frozenset({"Const", "Identity", "IdentityN", "NoOp", "Pack", "Placeholder", "Reshape"})
_NEVER = frozenset(
    {"Abort", "Copy", "CopyHost", "DebugIdentity", "DebugIdentityV2", "DebugIdentityV3", "DebugNanCount"}
    | {"DebugNumericSummary", "ImmutableConst", "MlirPassthroughOp", "PyFuncStateless", "XlaCustomCall"}
    | {"XlaCustomCallV2"}
)
"""Registered as if they had no state: they name files by attributes, run others' code, or end the process."""
_ONLY_SAID = frozenset({"Assert", "Const"})
"""What may have texts: a constant does nothing, and one that is asserted is a message."""
_MOST_NAMED = 6


def check(signed: Signed, path: str) -> None:
    """Checks all that would be run: what answers, and what reads the variables.

    Args:
        signed: The graph, parsed.
        path: The model, for messages.

    Raises:
        ModelError: If something else than numbers is computed there; it names the operations.
    """
    outputs = [tensor.name for tensor in signed.signature.outputs.values()]
    reads = [name for name in (signed.graph.saver_def.restore_op_name,) if name]
    graph = signed.graph.graph_def
    functions = {each.signature.name for each in graph.library.function}
    refused = {
        *(why for node in reached(graph, outputs) if (why := _objection(node, functions))),
        *(
            f"{node.op} (beside the variables)"
            for node in reached(graph, reads)
            if node.op not in _RESTORED | _MOVES
        ),
    }
    if refused:
        named = ", ".join(sorted(refused)[:_MOST_NAMED]) + (" …" if len(refused) > _MOST_NAMED else "")
        raise ModelError(
            f"it does more than compute with numbers: {named}",
            path=path,
            hint="Operations that touch files, run Python or take texts are refused before anything is run. "
            "Export the part of the model that takes numbers and gives numbers.",
        )


def reached(graph: Any, roots: Iterable[str]) -> Iterator[Any]:
    """Yields the nodes that some nodes take to be computed, those of functions that are called among them.

    Args:
        graph: A ``GraphDef``.
        roots: Names of nodes or of their tensors.
    """
    functions = {each.signature.name: each for each in graph.library.function}
    gradients = {each.function_name: each.gradient_func for each in graph.library.gradient}
    nodes = {node.name: node for node in graph.node}
    waiting, seen = [_node(root) for root in roots], set[str]()
    called = list[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        yield nodes[name]
        waiting += [_node(source) for source in nodes[name].input]
        called += _called(nodes[name], functions)
    entered = set[str]()
    while called:
        name = called.pop()
        if name in entered:
            continue
        entered.add(name)
        for node in functions[name].node_def:
            yield node
            called += _called(node, functions)
        called += [gradients[name]] if gradients.get(name) in functions else []


def called(graph: Any, roots: Iterable[str]) -> set[str]:
    """Returns the names of the functions that some nodes take to be computed; see ``reached``."""
    functions = {each.signature.name: each for each in graph.library.function}
    return {name for node in reached(graph, roots) for name in _called(node, functions)}


def _node(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def _called(node: Any, functions: Mapping[str, Any]) -> list[str]:
    """Returns the functions that a node names, by whichever attribute, or by its own kind."""
    named = [node.op]
    for value in node.attr.values():
        named += [value.func.name, *(each.name for each in value.list.func)]
    return [name for name in named if name in functions]


def _objection(node: Any, functions: Container[str]) -> str:
    """Returns a node's operation and why it may not be; empty where it may."""
    known = _registered().get(node.op)
    if known is None and node.op in functions:
        return ""
    if known is None:
        return f"{node.op} (unknown to TensorFlow)"
    if node.op in _ONLY_SAID:
        return ""
    if node.op in _NEVER or (known.is_stateful and node.op not in _ASKED):
        return str(node.op)
    return f"{node.op} (texts)" if _has_strings(node, known) else ""


def _has_strings(node: Any, known: Any) -> bool:
    """Returns whether a tensor of a node is of strings."""
    types = [argument.type for argument in (*known.input_arg, *known.output_arg)]
    types += [kind for value in node.attr.values() for kind in (value.type, *value.list.type)]
    return types_pb2.DT_STRING in types


@cache
def _registered() -> dict[str, Any]:
    """Returns TensorFlow's own operations by name."""
    return {each.name: each for each in all_operations()}
