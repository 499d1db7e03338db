import ast
import re

import pytest
import yaml

from trimtab.config.stages import STAGES

COMPONENTS = [name for name, stage in STAGES.items() if not stage.within]


@pytest.mark.parametrize("stage", COMPONENTS)
def test_a_component_is_thin(stage, root):
    """Standard library and kfp at module level; in the body, the stage's module only."""
    tree = ast.parse((root / "components" / stage / "component.py").read_text())
    at_top = {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in at_top} <= {"kfp", "typing", "components"}
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    inside = [node.module for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
    assert set(inside) == {"trimtab.stages"}
    assert len(function.body) <= 5


@pytest.mark.parametrize("stage", COMPONENTS)
def test_a_compiled_component_runs_in_one_image_and_installs_nothing(stage, root):
    compiled = yaml.safe_load((root / "components" / stage / "component.yaml").read_text())
    (executor,) = compiled["deploymentSpec"]["executors"].values()
    assert executor["container"]["image"].startswith("trimtab:")
    assert "pip install" not in " ".join(executor["container"]["command"])


@pytest.mark.parametrize("stage", COMPONENTS)
def test_every_component_documents_its_inputs_and_outputs(stage, root):
    readme = (root / "components" / stage / "README.md").read_text()
    compiled = yaml.safe_load((root / "components" / stage / "component.yaml").read_text())
    (spec,) = (one for name, one in compiled["components"].items() if name.startswith("comp-"))
    for side in ("inputDefinitions", "outputDefinitions"):
        for names in spec.get(side, {}).values():
            for name in names:
                row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` |"))
                assert len(row.split("|")[-2].strip()) > 10


def test_every_stage_has_a_module_and_a_component(root):
    modules = {
        path.stem
        for path in (root / "src/trimtab/stages").glob("*.py")
        if re.search(r"^    with recorded\(", path.read_text(), re.MULTILINE)
    }
    components = {path.parent.name for path in (root / "components").glob("*/component.py")}
    assert modules == set(STAGES)
    assert components == set(COMPONENTS)


def test_a_compiled_component_has_no_more_code_than_the_import_and_the_call(root):
    """But for `report`, which shows numbers on KFP's page, and `select`, which does what two stages do."""
    most = {"report": 1200, "select": 700, "evaluate": 700}
    for stage in COMPONENTS:
        compiled = yaml.safe_load((root / "components" / stage / "component.yaml").read_text())
        (executor,) = compiled["deploymentSpec"]["executors"].values()
        code = executor["container"]["command"][-1]
        assert len(code) < most.get(stage, 600), stage


@pytest.mark.parametrize("stage", COMPONENTS)
def test_every_component_says_of_itself_what_a_catalogue_asks(stage, root):
    """The fields of kubeflow/pipelines-components, and the README's sections."""
    folder = root / "components" / stage
    about = yaml.safe_load((folder / "metadata.yaml").read_text())
    assert (about["name"], about["stability"]) == (stage, "alpha")
    assert about["dependencies"] == {"kubeflow": [{"name": "Pipelines", "version": ">=2.14"}]}
    assert str(about["lastVerified"]).startswith("20")
    owners = yaml.safe_load((folder / "OWNERS").read_text())
    assert owners.keys() == {"approvers", "reviewers"}
    assert all(isinstance(name, str) for names in owners.values() for name in names)
    readme = (folder / "README.md").read_text()
    assert f"- **Owners**: {', '.join(owners['approvers'])}" in readme
    for section in ("Overview", "Inputs", "Outputs", "Metadata", "Usage example"):
        assert f"\n## {section}\n" in readme
