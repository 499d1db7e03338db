"""Code that came with a config, where Python finds it."""

import subprocess
import sys
from importlib import import_module

import pytest

from trimtab.config.code import Code, collect, digest
from trimtab.errors import ModelError
from trimtab.models import code as installed


def made(**files):
    texts = {f"{name}.py": text for name, text in files.items()}
    return Code(files=texts, sha256=digest(texts))


@pytest.fixture(autouse=True)
def _clean():
    before = list(sys.path)
    yield
    installed.install(made(nothing_left=""))
    sys.path[:] = before


def test_it_is_imported_from_a_directory_of_its_own(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from pack.inner import x\n")
    (tmp_path / "pack" / "inner.py").write_text("x = 'ä'\n")
    code = collect(["pack:build"], tmp_path, "model.builder")
    installed.install(code)
    installed.install(code)
    assert import_module("pack").x == "ä"
    assert not import_module("pack").__file__.startswith(str(tmp_path))
    assert sum("trimtab-code-" in path for path in sys.path) == 1


def test_other_code_of_the_same_name_replaces_it():
    installed.install(made(my_net="x = 1"))
    assert import_module("my_net").x == 1
    installed.install(made(my_net="x = 2"))
    assert import_module("my_net").x == 2


def test_it_goes_before_what_is_installed():
    installed.install(made(xdrlib="x = 'mine'"))
    assert import_module("xdrlib").x == "mine"


def test_code_that_was_changed_on_its_way_is_not_run(tmp_path):
    code = made(evil=f"open({str(tmp_path / 'ran')!r}, 'w')")
    changed = code.model_copy(update={"files": {"evil.py": code.files["evil.py"] + "\n"}})
    with pytest.raises(ModelError, match="not what their checksum says"):
        installed.install(changed)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../up.py", "/etc/x.py", "a/../../x.py", "x.so", "a\\..\\x.py", ""])
def test_names_that_lead_elsewhere(name):
    files = {name: "x = 1"}
    with pytest.raises(ModelError, match=r"expected a \.py file below one directory"):
        installed.install(Code(files=files, sha256=digest(files)))


def test_a_name_that_is_taken():
    with pytest.raises(ModelError, match=r"another module of the name json[\s\S]*Rename"):
        installed.install(made(json="x = 1"))


def test_nothing_is_left_when_the_process_ends():
    script = (
        "import sys; from trimtab.config.code import Code, digest; from trimtab.models.code import install\n"
        "files = {'a.py': ''}; install(Code(files=files, sha256=digest(files))); print(sys.path[0])\n"
        "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    directory, heavy = done.stdout.splitlines()
    assert "trimtab-code-" in directory
    assert subprocess.run(["test", "-e", directory]).returncode == 1
    assert heavy == "[]"
