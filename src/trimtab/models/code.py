"""Puts a user's own model code, which came with the config, where Python finds it."""

from __future__ import annotations

import sys
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path, PurePosixPath

from trimtab.config.code import Code, digest
from trimtab.errors import ModelError

_FIELD = "model.code"
# Kept for the life of the process: a function of the module may import more of it later.
_installed: dict[str, tempfile.TemporaryDirectory[str]] = {}


def install(code: Code) -> None:
    """Writes the files to a directory of their own and puts it first where Python looks for modules.

    Args:
        code: The files, verified before anything is written. Code that was installed earlier in this process
            is put aside.

    Raises:
        ModelError: If the files are not what their checksum says, if a name leads outside of the directory,
            or if Python has another module of the same name already.
    """
    if code.sha256 in _installed:
        return
    _verify(code)
    for directory in _installed.values():
        _put_aside(Path(directory.name))
    _installed.clear()
    directory = tempfile.TemporaryDirectory(prefix="trimtab-code-")
    for name, text in code.files.items():
        file = Path(directory.name, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    _installed[code.sha256] = directory
    sys.path.insert(0, directory.name)


def _verify(code: Code) -> None:
    if digest(code.files) != code.sha256:
        raise ModelError(
            "the files of the model's code are not what their checksum says: the config was changed",
            field=_FIELD,
            hint="Submit the run again.",
        )
    directories = [Path(directory.name) for directory in _installed.values()]
    for name in code.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or path.suffix != ".py" or "\\" in name or "\0" in name:
            raise ModelError(f"expected a .py file below one directory, found {name!r}", field=_FIELD)
        taken = sys.modules.get(path.parts[0].removesuffix(".py"))
        if taken is not None and not any(_is_from(taken, directory) for directory in directories):
            raise ModelError(
                f"Python has another module of the name {taken.__name__}",
                field=_FIELD,
                hint="Rename your file.",
            )


def _put_aside(directory: Path) -> None:
    if str(directory) in sys.path:
        sys.path.remove(str(directory))
    for name, module in list(sys.modules.items()):
        if _is_from(module, directory):
            del sys.modules[name]


def _is_from(module: object, directory: Path) -> bool:
    """Returns whether a module, or a package without a file of its own, lies in a directory."""
    # Its spec is asked, and nothing else: some modules answer any attribute with something of their own.
    spec = getattr(module, "__spec__", None)
    if not isinstance(spec, ModuleSpec):
        return False
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    return any(place and Path(place).is_relative_to(directory) for place in places)
