"""From a YAML file and `--set` overrides to a validated config, or an error that names the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from trimtab.config import brought, code, compression, document, worded
from trimtab.config.config import Config
from trimtab.config.fine_tuning import BASELINE
from trimtab.config.known import OF_FILE, Location
from trimtab.config.named import NAME_PATTERN
from trimtab.errors import ConfigError
from trimtab.home import expanded

_PATH_FIELDS = (
    ("data", "train"),
    ("data", "validation"),
    ("data", "test"),
    ("model", "archive"),
    ("deploy", "target"),
)


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Reads and validates a config.

    Args:
        path: The YAML file. Relative paths inside it are relative to its directory.
        overrides: `field.path=value` settings that replace values of the file; values are YAML.

    Returns:
        The config with absolute paths, and with the code of the user's own model builder.

    Raises:
        ConfigError: If the file is not readable YAML, or if a field is unknown, missing or out of range.
    """
    root, values = document.read(path)
    return _validated(path, root, values, overrides)


def load_compression(
    source: Path, given: Mapping[str, Any], overrides: Sequence[str] = (), labels: Sequence[str] = ()
) -> Config:
    """Reads and validates what `trimtab compress` is to do.

    Args:
        source: The YAML file, or the file of a model, which may be in a bucket.
        given: Sources of the ``data`` section that the command line gives; None: it does not.
        overrides: See ``load``.
        labels: The columns of the labels that it gives: of several, each is called as the model's output is.

    Returns:
        The config of ``load``, by which nothing is trained from scratch.

    Raises:
        ConfigError: See ``load``; also if there is no model or no labelled rows.
    """
    is_config = source.suffix in (".yaml", ".yml")
    path = source if is_config else Path("the command line")
    text = yaml.safe_dump({"name": _name_of(source), "model": {"archive": _uri(source)}})
    root, values = document.read(source) if is_config else document.parse(text, str(path))
    here = {field: _here(value) for field, value in given.items() if value is not None}
    if here or labels:
        values["data"] = {**_without_labels(values.get("data") or {}, labels), **here, **_labelled(labels)}
    assert isinstance(root, yaml.MappingNode)
    return _validated(path, root, values, overrides, complete=compression.complete)


def _without_labels(data: dict[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """Returns a section without what it says of labels, if the command line says which they are."""
    return {field: value for field, value in data.items() if not labels or field not in ("label", "labels")}


def _labelled(labels: Sequence[str]) -> dict[str, Any]:
    """Returns what the ``data`` section says of the labels that the command line gives."""
    if len(labels) <= 1:
        return {"label": labels[0]} if labels else {}
    for name in labels:
        if labels.count(name) > 1:
            raise ConfigError(f"{name} is given twice", path="--label")
        if not re.fullmatch(NAME_PATTERN, name):
            raise ConfigError(
                f"expected a column that is called as an output of the model may be, got {name!r}",
                path="--label",
                hint=f"Of one that is not: --set 'data.labels={{price: {{column: {name}}}, …}}'",
            )
    return {"labels": {name: {} for name in labels}}


def _validated(
    path: Path,
    root: yaml.Node,
    values: dict[str, Any],
    overrides: Sequence[str],
    complete: Callable[[dict[str, Any], str], None] | None = None,
) -> Config:
    overridden = {_set(values, override) for override in overrides}
    for name in OF_FILE:  # of a run's config.json, which may have been edited since
        values.pop(name, None)
    _make_absolute(values, path.absolute().parent)
    _name_graph(values)
    if complete is not None:
        complete(values, str(path))
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise worded.config_error(error, path, root, values, overridden) from None
    return _with_code(config, path)


def _name_of(source: Path) -> str:
    """Returns a name for runs and deployments that a model's file suggests."""
    return re.sub(r"[^a-z0-9._-]+", "-", source.stem.lower()).strip("-._")[:63] or "model"


def _here(source: str) -> str:
    """Returns a source that the command line gives, which is relative to the working directory."""
    return source if "://" in source else str(expanded(source).absolute())


def _uri(source: Path) -> str:
    """Returns a model's place; a path has lost one of the slashes of a URI."""
    return re.sub(r"^(\w+):/(?!/)", r"\1://", str(source)) if ":/" in str(source) else _here(str(source))


def _with_code(config: Config, path: Path) -> Config:
    """Returns the config with the files of the user's own functions, which lie beside the config file."""
    for section in ("model", "budget"):
        if getattr(config, section).code is not None:
            raise ConfigError(
                "is filled in by trimtab; leave it out", path=str(path), field=f"{section}.code"
            )
    directory, builder = path.absolute().parent, config.model.builder
    model = code.collect([builder], directory, "model.builder") if builder else None
    functions = code.collect(config.budget.functions(), directory, "budget.limits")
    return config.model_copy(
        update={
            "model": config.model.model_copy(update={"code": model}),
            "budget": config.budget.model_copy(update={"code": functions}),
        }
    )


def _set(values: dict[str, Any], override: str) -> Location:
    """Applies one `field.path=value` in place and returns its location."""
    name, separator, text = override.partition("=")
    parts = name.strip().split(".")
    keys: list[int | str] = [int(key) if re.fullmatch("[0-9]{1,9}", key) else key for key in parts]
    if not separator or not all(parts):
        raise ConfigError(
            "expected field.path=value", path="--set", field=override, hint="--set train.epochs=3"
        )
    _, value = document.parse(text, "--set", field=name)
    target: Any = values
    for key in keys[:-1]:
        if isinstance(target, list) and isinstance(key, int) and key < len(target):
            target = target[key]
        elif isinstance(target, dict):
            if target.get(key) is None:
                target[key] = {}
            target = target[key]
        else:
            raise ConfigError(f"there is no {key} to set a field of", path="--set", field=name)
    last: Any = keys[-1]
    if not isinstance(target, dict) and not (
        isinstance(target, list) and isinstance(last, int) and last < len(target)
    ):
        raise ConfigError(f"there is no {last} to set", path="--set", field=name)
    target[last] = value
    return tuple(keys)


def _make_absolute(values: dict[str, Any], directory: Path) -> None:
    for section, field in _PATH_FIELDS:
        mapping = values.get(section)
        if isinstance(mapping, dict) and field in mapping:
            values[section] = {**mapping, field: _absolute(mapping[field], directory)}
    _presets_absolute(values, directory)
    for section in ("train", "recipes"):
        if section in values:
            values[section] = _with_teachers(values[section], directory)


def _absolute(value: Any, directory: Path) -> Any:
    is_path = isinstance(value, str) and value.strip() and "://" not in value
    return str(directory / expanded(value)) if is_path else value


def _with_teachers(value: Any, directory: Path) -> Any:
    """Returns a section with absolute paths of the teachers in it, however deep they are."""
    if isinstance(value, list):
        return [_with_teachers(each, directory) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _teacher(each, directory) if key == "teacher" else _with_teachers(each, directory)
        for key, each in value.items()
    }


def _teacher(value: Any, directory: Path) -> Any:
    """Returns a teacher, or alternatives of it."""
    if isinstance(value, list):
        return [_teacher(each, directory) for each in value]
    if isinstance(value, dict):
        return {key: _teacher(each, directory) if key == "model" else each for key, each in value.items()}
    return value if value == BASELINE else _absolute(value, directory)


def _name_graph(values: dict[str, Any]) -> None:
    """Names a SavedModel by the file of its graph where its directory is given, by which its kind is told."""
    model = values.get("model")
    archive = model.get("archive") if isinstance(model, dict) else None
    if not isinstance(archive, str) or not archive.strip("/ "):
        return
    whole = archive.rstrip("/")
    is_here = "://" not in whole
    has_ending = "." in whole.rpartition("/")[2]
    if (
        whole != archive
        or (is_here and Path(whole).is_dir())
        or not (has_ending or (is_here and Path(whole).is_file()))
    ):
        values["model"] = {**values["model"], "archive": f"{whole}/{brought.SAVED_MODEL}"}


def _presets_absolute(values: dict[str, Any], directory: Path) -> None:
    """Makes a preset's path absolute where there is such a directory, else it is a name."""
    model = values.get("model")
    for field, is_there in (("preset", Path.is_dir), ("weights", Path.is_file)):
        value = model.get(field) if isinstance(model, dict) else None
        if isinstance(value, str) and "://" not in value:
            path = directory / expanded(value)
            if is_there(path):
                values["model"] = {**values["model"], field: str(path)}
