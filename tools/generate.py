"""Writes every generated file: compiled YAML, component READMEs, JSON schemas, the config's reference.

python tools/generate.py [--check]
"""

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import artifacts_reference
import config_reference
import pictures
import recipes_reference
from kfp import compiler
from shared_schemas import shared

from components import meanings
from pipelines.compress import compress
from pipelines.optimize import optimize
from pipelines.retrain import retrain
from trimtab.config.config import Config
from trimtab.config.stages import STAGES
from trimtab.report.result import Result

ROOT = Path(__file__).resolve().parent.parent


def generated() -> Iterator[tuple[Path, str]]:
    """Yields every generated file with the content that it must have."""
    for stage in (name for name, one in STAGES.items() if not one.within):
        component = getattr(importlib.import_module(f"components.{stage}.component"), stage)
        yield ROOT / "components" / stage / "component.yaml", _compiled(component)
        yield ROOT / "components" / stage / "README.md", _readme(stage, component)
    for name, pipeline in {"optimize": optimize, "retrain": retrain, "compress": compress}.items():
        yield ROOT / "pipelines" / f"{name}.yaml", _compiled(pipeline)
    for name, model in {"config": Config, "result": Result}.items():
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **shared(model.model_json_schema()),
        }
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        yield ROOT / "schemas" / f"{name}.schema.json", f"{text}\n"
    yield ROOT / "docs" / "config.md", config_reference.render(Config.model_json_schema())
    yield ROOT / "docs" / "recipes.md", recipes_reference.render()
    yield ROOT / "docs" / "artifacts.md", artifacts_reference.render()
    yield ROOT / "docs" / "images" / "dag.svg", pictures.pipeline()
    yield ROOT / "docs" / "images" / "rooms.svg", pictures.rooms()


def _compiled(component: Any) -> str:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "compiled.yaml")
        compiler.Compiler().compile(component, str(file))
        return file.read_text()


def _readme(stage: str, component: Any) -> str:
    """Returns a component's README: what it does, its inputs and outputs, and an example."""
    spec = component.component_spec
    meaning = {**meanings.COMMON, "Output": meanings.RETURNED.get(stage, "")}

    def rows(specs: dict[str, Any] | None) -> str:
        return "".join(
            f"| `{name}` | {_type(one)} | {meaning[name]} |\n" for name, one in (specs or {}).items()
        )

    arguments = ", ".join(f"{name}=…" for name in spec.inputs or {})
    return (
        f"# {stage}\n\n{spec.description.strip()}\n\n"
        f"Contract: `components/{stage}/component.py`. Work: `src/trimtab/stages/{stage}.py`.\n\n"
        f"## Inputs\n\n| name | type | meaning |\n|---|---|---|\n{rows(spec.inputs)}\n"
        f"## Outputs\n\n| name | type | meaning |\n|---|---|---|\n{rows(spec.outputs)}\n"
        "## Example\n\n```python\n"
        f"from components.{stage}.component import {stage}\n\n"
        f"task = {stage}({arguments})\n```\n\n"
        "`pipelines/` shows where the inputs come from. From the compiled contract:\n"
        f'`kfp.components.load_component_from_file("components/{stage}/component.yaml")`.\n'
    )


def _type(spec: Any) -> str:
    name = str(spec.type).partition("@")[0].replace("system.", "")
    return f"List[{name}]" if getattr(spec, "is_artifact_list", False) else name


def main() -> int:
    """Writes the files, or with `--check` returns 1 when one of them is not what it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is stale")
    check = parser.parse_args().check
    stale = [(path, text) for path, text in generated() if not path.is_file() or path.read_text() != text]
    for path, text in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale and check:
        print("Run `make generate` and commit the result.", file=sys.stderr)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
