"""A stand-in for the stages: the DAG's wiring is under test here, not the work."""

import pytest

STAND_IN = """
import os, sys
from pathlib import Path

OUTPUTS = {outputs}

def run(**arguments):
    stage, item = {stage!r}, arguments.get("recipe") or arguments.get("candidate") or ""
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(f"{{stage}} {{item}} {{arguments['run']}}\\n")
    if os.environ.get("FAIL") == stage:
        sys.exit(2)
    for name in OUTPUTS:
        path = Path(arguments[name])
        path.mkdir(parents=True) if name != "html" else path.write_text("<p>report</p>")
    return {value}
"""
STAGES = {
    "data_prep": (["dataset"], "None"),
    "tune": (["hyperparameters"], "None"),
    "train": (["model"], "None"),
    "prune": (["pruned"], "None"),
    "shortlist": (["shortlist"], "['none--none', 'none--int8', 'channels-0.5--int8']"),
    "quantize": (["quantized"], "None"),
    "evaluate": (["evaluation"], "None"),
    "select": (["selection"], "os.environ['WITHIN'] == 'yes' and len(arguments['quantized']) == 3"),
    "deploy": ([], "'somewhere'"),
    "report": (["html"], "{'metrics': {'accuracy': 0.5}, 'confusion': {'labels': ['a'], 'matrix': [[1]]}}"),
}


@pytest.fixture
def stand_in(tmp_path):
    """Returns a folder, with a space in its name, that shadows `trimtab.stages`."""
    package = tmp_path / "stand in" / "trimtab" / "stages"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    for stage, (outputs, value) in STAGES.items():
        (package / f"{stage}.py").write_text(STAND_IN.format(stage=stage, outputs=outputs, value=value))
    return tmp_path / "stand in"
