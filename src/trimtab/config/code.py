"""The files of a user's own model code, which travel with the config to wherever a stage runs."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from trimtab.config.base import Section
from trimtab.errors import ConfigError

# The config is part of one argument of a task's process, which the kernel limits to 128 KiB.
MAX_BYTES = 64_000


class Code(Section):
    """Python files by their path beside the config file, and one checksum over all of them."""

    files: dict[str, str]
    sha256: str

    def checksums(self) -> dict[str, str]:
        """Returns the SHA-256 of every file by its path."""
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(self.files.items())}


def digest(files: dict[str, str]) -> str:
    """Returns the SHA-256 over the paths and contents of files."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def collect(references: Sequence[str], directory: Path, field: str) -> Code | None:
    """Returns the code of functions: their modules, and what those import from the same directory.

    Imports are found without running anything, wherever they are in a file.

    Args:
        references: Such as ``module:function``.
        directory: Where the config file is.
        field: The field of the config that names them, for messages.

    Returns:
        The code, or None when the module is not there: then it is installed where the stages run.

    Raises:
        ConfigError: If a file cannot be read, has the name of one of Python's own modules, or if they are too
            large to travel.
    """
    files: dict[str, str] = {}
    pending, done = [each.partition(":")[0].partition(".")[0] for each in references], set[str]()
    while pending:
        name = pending.pop()
        if name in done:
            continue
        done.add(name)
        sources = _files(directory, name, field)
        if sources and name in sys.stdlib_module_names:
            raise ConfigError(
                f"it has the name of Python's own module {name}, which other libraries would get instead",
                path=str(sources[0]),
                field=f"{field}: {', '.join(references)}",
                hint="Rename it.",
            )
        for file in sources:
            files[file.relative_to(directory).as_posix()] = text = _read(file, field)
            pending += _imported(text)
    size = len(json.dumps(files))
    if size > MAX_BYTES:
        raise ConfigError(
            f"its {len(files)} files have {size:,} bytes; {MAX_BYTES:,} can travel with a run",
            path=str(directory),
            field=f"{field}: {', '.join(references)}",
            hint="Install them in a derived image, and keep them out of the config's directory.",
        )
    return Code(files=files, sha256=digest(files)) if files else None


def _files(directory: Path, name: str, field: str) -> list[Path]:
    package, module = directory / name, directory / f"{name}.py"
    if (package / "__init__.py").is_file() or (package.is_dir() and not module.is_file()):
        try:
            return sorted(_modules(package, frozenset()))
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", path=str(package), field=field) from None
    return [module] if module.is_file() else []


def _modules(package: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yields the files of a package as Python would find them: through links, but not round in circles."""
    above |= {package.resolve()}
    for path in package.iterdir():
        if path.name.startswith((".", "__pycache__")):
            continue
        if path.is_dir() and path.resolve() not in above:
            yield from _modules(path, above)
        elif path.suffix == ".py" and path.is_file():
            yield path


def _read(file: Path, field: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "expected UTF-8 text"
        raise ConfigError(f"cannot be read: {reason}", path=str(file), field=field) from None


def _imported(text: str) -> Iterator[str]:
    """Yields the top-level names that a file imports; none where it is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
