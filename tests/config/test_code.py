"""The files of a user's own model code."""

import json

import pytest

from trimtab.config.code import MAX_BYTES, Code, collect, digest
from trimtab.config.config import Config
from trimtab.config.loader import load
from trimtab.errors import ConfigError


@pytest.fixture
def project(tmp_path):
    """Returns a directory with a module, a package, and what must not travel."""
    files = {
        "mine.py": "import os\nimport blocks.conv\ndef build(hp, spec):\n    from helper import f\n",
        "helper.py": "import mine, numpy\nx = 'ä'\n",
        "blocks/__init__.py": "",
        "blocks/conv.py": "from . import dense\n",
        "blocks/dense.py": "",
        "blocks/weights.bin": "no",
        "blocks/__pycache__/conv.py": "no",
        "blocks/.hidden/x.py": "no",
        "secrets.py": "KEY = 1",
        "broken.py": "def build(:\n",
        "namespace/inner/deep.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_module_and_what_it_imports_from_beside_it(project):
    code = collect(["mine:build"], project, "model.builder")
    assert sorted(code.files) == [
        "blocks/__init__.py",
        "blocks/conv.py",
        "blocks/dense.py",
        "helper.py",
        "mine.py",
    ]
    assert code.files["helper.py"].endswith("'ä'\n")
    assert code.sha256 == digest(code.files)
    assert set(code.checksums()) == set(code.files)


def test_a_package_travels_whole(project):
    assert set(collect(["blocks.conv:build"], project, "model.builder").files) == {
        "blocks/__init__.py",
        "blocks/conv.py",
        "blocks/dense.py",
    }
    assert list(collect(["namespace.inner.deep:build"], project, "model.builder").files) == [
        "namespace/inner/deep.py"
    ]


def test_a_module_that_is_installed_elsewhere_does_not_travel(project):
    assert collect(["keras.applications:ResNet50"], project, "model.builder") is None


def test_a_file_that_is_no_python_travels_for_its_stage_to_refuse(project):
    assert list(collect(["broken:build"], project, "model.builder").files) == ["broken.py"]


def test_too_large_and_not_text(project):
    (project / "large.py").write_text("#" * MAX_BYTES)
    with pytest.raises(ConfigError, match=r"can travel with a run[\s\S]*derived image"):
        collect(["large:build"], project, "model.builder")
    (project / "binary.py").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="expected UTF-8 text"):
        collect(["binary:build"], project, "model.builder")


def test_the_checksum_follows_names_and_contents():
    assert len({digest({"a.py": "x"}), digest({"b.py": "x"}), digest({"a.py": "y"})}) == 3


def test_loading_a_config_takes_the_code_along(project):
    file = project / "config.yaml"
    file.write_text("data: {train: x.csv, label: y}\nmodel: {builder: 'mine:build'}\n")
    config = load(file)
    assert isinstance(config.model.code, Code)
    assert Config.model_validate_json(config.model_dump_json()) == config


def test_the_field_is_not_for_users(project):
    file = project / "config.yaml"
    code = {"files": {}, "sha256": ""}
    file.write_text(json.dumps({"data": {"train": "x"}, "model": {"architecture": "mlp", "code": code}}))
    with pytest.raises(ConfigError, match=r"model.code: is filled in by trimtab"):
        load(file)
    assert "code" not in Config.model_json_schema()["$defs"]["Model"]["properties"]


def test_a_package_is_followed_through_links(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("shared")
    (elsewhere / "blocks.py").write_text("x = 1\n")
    package = project / "linked"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "shared").symlink_to(elsewhere)
    (package / "round").symlink_to(package)
    assert set(collect(["linked:build"], project, "model.builder").files) == {
        "linked/__init__.py",
        "linked/shared/blocks.py",
    }


def test_a_name_of_pythons_own(project):
    (project / "statistics.py").touch()
    (project / "mine.py").write_text("import statistics\n")
    with pytest.raises(ConfigError, match="the name of Python's own module statistics"):
        collect(["mine:build"], project, "model.builder")


@pytest.mark.parametrize(
    "builder", ["..:build", ".nets:build", "nets.:build", "nets:1", "../nets:build", "a b:c"]
)
def test_what_is_no_module_brings_no_files(project, builder):
    file = project / "config.yaml"
    file.write_text(f"data: {{train: rows.csv, label: y}}\nmodel: {{builder: '{builder}'}}\n")
    with pytest.raises(ConfigError, match=r"model\.builder"):
        load(file)
