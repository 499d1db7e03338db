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
import yaml
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
        text = yaml.safe_dump(_metadata(stage), sort_keys=False)
        yield ROOT / "components" / stage / "metadata.yaml", f"---\n{text}"
        yield ROOT / "components" / stage / "OWNERS", yaml.safe_dump(meanings.OWNERS, sort_keys=False)
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


def _metadata(stage: str) -> dict[str, Any]:
    """Returns what kubeflow/pipelines-components asks of each component to say of itself."""
    return {
        "name": stage,
        "stability": "alpha",
        "dependencies": {"kubeflow": [{"name": "Pipelines", "version": ">=2.14"}]},
        "tags": ["model-compression", meanings.TAGS[stage]],
        "lastVerified": meanings.VERIFIED,
    }


def _readme(stage: str, component: Any) -> str:
    """Returns a component's README, of the sections that kubeflow/pipelines-components has."""
    spec = component.component_spec
    meaning = {**meanings.COMMON, "Output": meanings.RETURNED.get(stage, "")}
    about = _metadata(stage)
    needs = ", ".join(f"{one['name']} {one['version']}" for one in about["dependencies"]["kubeflow"])
    taken = "".join(
        f"| `{name}` | {_type(one)} | {_default(one)} | {meaning[name]} |\n"
        for name, one in (spec.inputs or {}).items()
    )
    given = "".join(
        f"| `{name}` | {_type(one)} | {meaning[name]} |\n" for name, one in (spec.outputs or {}).items()
    )
    arguments = ", ".join(f"{name}=…" for name in spec.inputs or {})
    return (
        f"# {stage}\n\n## Overview\n\n{spec.description.strip()}\n\n"
        f"Contract: `components/{stage}/component.py`. Work: `src/trimtab/stages/{stage}.py`.\n\n"
        f"## Inputs\n\n| Parameter | Type | Default | Description |\n|---|---|---|---|\n{taken}\n"
        f"## Outputs\n\n| Name | Type | Description |\n|---|---|---|\n{given}\n"
        f"## Metadata\n\n- **Name**: {about['name']}\n- **Stability**: {about['stability']}\n"
        f"- **Dependencies**: Kubeflow {needs}\n- **Tags**: {', '.join(about['tags'])}\n"
        f"- **Last verified**: {about['lastVerified']}\n"
        f"- **Owners**: {', '.join(meanings.OWNERS['approvers'])}\n\n"
        "## Usage example\n\n```python\n"
        f"from components.{stage}.component import {stage}\n\n"
        f"task = {stage}({arguments})\n```\n\n"
        "In a pipeline of your own, from the compiled contract alone:\n"
        f'`kfp.components.load_component_from_file("components/{stage}/component.yaml")`.\n'
        "`pipelines/` shows where the inputs come from, and `examples/composed_pipeline.py` some components\n"
        "behind somebody else's training.\n"
    )


def _default(spec: Any) -> str:
    return f"`{spec.default!r}`" if getattr(spec, "optional", False) else "required"


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
