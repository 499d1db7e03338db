"""The reference of what stages hand on and leave, from the classes in ``trimtab.artifacts``."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import get_args

import docstring_parser
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import trimtab.artifacts

HEADER = """# What stages hand on

Generated from the classes in `src/trimtab/artifacts/`. An artifact is a directory with a `manifest.json`:
its kind, the schema version, size and SHA-256 of every file, counts, `lineage` (what it was made from) and
`summary` (what its stage found, for the report). It is written whole, and a reader verifies the files that it
asks for.

What can be used again lies in `<output>/store/<kind>/<key>/`. The key is a hash of all that the content
depends on: the kind, trimtab's sources and the versions of its libraries, a part of the config, and the keys
of what it was made from. What belongs to one run is in its directory.
"""

_MODULES = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")


def render() -> str:
    """Returns the page: a section a module, a table a class."""
    modules = [
        importlib.import_module(f"trimtab.artifacts.{found.name}")
        for found in pkgutil.iter_modules(trimtab.artifacts.__path__)
    ]
    return "\n".join([HEADER, *(part for module in modules for part in _section(module))])


def _section(module: ModuleType) -> Iterator[str]:
    models = [each for _, each in inspect.getmembers(module, inspect.isclass) if _is_shown(each, module)]
    if not models:
        return
    yield f"## {module.__name__.rpartition('.')[2].replace('_', ' ').capitalize()}\n"
    yield f"{inspect.getdoc(module).split(chr(10))[0]}\n"
    files = {name: value for name, value in vars(module).items() if name.endswith("_FILE")}
    if hasattr(module, "KIND"):
        yield f"Kind `{module.KIND}`.{_listed(files)}\n"
    elif files:
        yield f"{_listed(files).strip()}\n"
    for model in sorted(models, key=lambda each: inspect.getsourcelines(each)[1]):
        yield from _table(model)


def _is_shown(each: type, module: ModuleType) -> bool:
    return issubclass(each, BaseModel) and each.__module__ == module.__name__ and each.__name__[0] != "_"


def _listed(files: dict[str, str]) -> str:
    return f" Files: {', '.join(f'`{name}`' for name in files.values())}." if files else ""


def _table(model: type[BaseModel]) -> Iterator[str]:
    documented = docstring_parser.parse(inspect.getdoc(model) or "")
    meanings = {each.arg_name: each.description or "" for each in documented.params}
    yield f"### {model.__name__}\n"
    yield f"{documented.short_description}\n"
    yield "| field | type | meaning |\n|---|---|---|"
    for name, field in model.model_fields.items():
        meaning = field.description or meanings.get(name, "")
        yield f"| `{name}` | {_type(field)} | {' '.join(meaning.split())} |"
    yield ""


def _type(field: FieldInfo) -> str:
    annotation = field.annotation
    plain = isinstance(annotation, type) and not get_args(annotation)
    text = annotation.__name__ if plain else str(annotation)
    return f"`{_MODULES.sub('', text).replace(' | ', ' or ')}`"
