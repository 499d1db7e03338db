"""The JSON schema of the ``recipes`` section, for editors and for the nearest name to a misspelled one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from trimtab.config.methods import Method, every, passes, quantizations
from trimtab.config.recipes import AUTO
from trimtab.registry import RUNTIMES

_Schema = dict[str, Any]
COMMENT = "`auto`, or list of [chains](recipes.md)"
"""What the reference of the config says in the place of the schema."""


class RecipesSchema:
    """Gives the field that it annotates the schema of what is registered when the schema is asked for."""

    @staticmethod
    def __get_pydantic_core_schema__(_source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Returns what takes a list, or ``auto``: with a union, an error would name its members as places."""
        as_it_is = core_schema.plain_serializer_function_ser_schema(lambda recipes: recipes)
        return core_schema.no_info_wrap_validator_function(
            lambda recipes, as_list: recipes if recipes == AUTO else as_list(recipes),
            core_schema.list_schema(min_length=1),
            serialization=as_it_is,
        )

    @staticmethod
    def __get_pydantic_json_schema__(_core: CoreSchema, _handler: GetJsonSchemaHandler) -> _Schema:
        """Returns the schema."""
        step, runtime = _step(), _object({"runtime": _RUNTIMES})
        alternatives = {"type": "array", "minItems": 1, "items": step}
        chain = {"type": "array", "minItems": 1, "items": {"anyOf": [step, runtime, alternatives]}}
        recipe = {"anyOf": [chain, step, _older()]}
        chains = {"type": "array", "minItems": 1, "items": recipe}
        return {"$comment": COMMENT, "anyOf": [{"const": AUTO}, chains]}


def _step() -> _Schema:
    """Returns the ways to write a step: ``name`` or ``{name: parameters}``."""
    methods = every()
    names = list(dict.fromkeys(method.name for method in methods))
    by_name = {name: _parameters([each for each in methods if each.name == name]) for name in names}
    return {"anyOf": [{"enum": names}, {**_object(by_name), "minProperties": 1, "maxProperties": 1}]}


def _older() -> _Schema:
    """Returns a recipe as older versions wrote it: ``{prune: step, quantize: steps, runtime: …}``."""
    quantizers = [method for runtime in RUNTIMES for method in quantizations(runtime).values()]
    prune, quantize = _written(passes().values(), ["none"]), _written(quantizers)
    return _object({"prune": prune, "quantize": _one_or_more(quantize), "runtime": _RUNTIMES})


def _written(methods: Iterable[Method], others: Iterable[str] = ()) -> _Schema:
    """Returns the older way to write a step: ``{method: name, parameter: value}``."""
    names = list(dict.fromkeys([*others, *(method.name for method in methods)]))
    properties = {name: schema for method in methods for name, schema in _properties(method).items()}
    return {"anyOf": [{"enum": names}, _object({"method": {"enum": names}, **properties})]}


def _parameters(methods: list[Method]) -> _Schema:
    """Returns the parameters of a step whose name several runtimes may share."""
    properties = {name: schema for method in methods for name, schema in _properties(method).items()}
    main = [_one_or_more(properties[method.main]) for method in methods[:1] if method.main]
    return {"description": methods[0].summary, "anyOf": [*main, _object(properties), {"type": "null"}]}


def _properties(method: Method) -> dict[str, _Schema]:
    schema = method.params.model_json_schema()
    definitions = schema.get("$defs", {})
    return {name: _one_or_more(_inlined(field, definitions)) for name, field in schema["properties"].items()}


def _inlined(value: Any, definitions: _Schema) -> Any:
    if isinstance(value, dict):
        referred = definitions[value["$ref"].rpartition("/")[2]] if "$ref" in value else {}
        return {
            name: _inlined(inner, definitions)
            for name, inner in {**referred, **value}.items()
            if name != "$ref"
        }
    return [_inlined(inner, definitions) for inner in value] if isinstance(value, list) else value


def _object(properties: dict[str, _Schema]) -> _Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _one_or_more(schema: _Schema) -> _Schema:
    return {"anyOf": [schema, {"type": "array", "items": schema}]}


_RUNTIMES = _one_or_more({"enum": list(RUNTIMES)})
