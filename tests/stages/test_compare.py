"""How the answers of two models are put on one scale; who wins is in ``test_retraining``."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("stage", ["check_data", "plan", "compare", "deploy", "report"])
def test_stages_that_do_not_train_import_no_tensorflow(stage: str) -> None:
    code = f"import sys, trimtab.stages.{stage}; print({{'tensorflow', 'keras', 'kfp'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
