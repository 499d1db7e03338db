"""`make audit`: that nothing is known is said only of what was looked up."""

import importlib.util
import json
import stat

import pytest


@pytest.fixture
def audit(root):
    spec = importlib.util.spec_from_file_location("audit", root / "tools/audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pip_audit(tmp_path):
    """Returns a function that makes a program which answers as pip-audit would."""

    def make(answer):
        program = tmp_path / "pip-audit"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return str(program)

    return make


CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
BAD = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}],
}
UNKNOWN = {"name": "scipy", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([CLEAN], 0, "1 packages were looked up, 0 of them have known vulnerabilities"),
        ([CLEAN, BAD], 1, "pillow 1.0: PYSEC-1, fixed in 1.1"),
        ([UNKNOWN], 2, "no data: of none of 1 packages could advisories be looked up"),
        ([CLEAN, UNKNOWN], 2, "no data of 1: scipy"),
        ([BAD, UNKNOWN], 1, "no data of 1: scipy"),
    ],
)
def test_what_is_said(audit, pip_audit, capsys, packages, code, words):
    assert audit.main(pip_audit(json.dumps({"dependencies": packages})), ["requirements.lock"]) == code
    told = capsys.readouterr().out
    assert words in told
    assert ("0 of them" in told) == (CLEAN in packages and BAD not in packages)


def test_no_answer_at_all_is_no_data(audit, pip_audit, capsys):
    assert audit.main(pip_audit("a proxy's page"), ["requirements.lock"]) == 2
    assert "no data" in capsys.readouterr().out
