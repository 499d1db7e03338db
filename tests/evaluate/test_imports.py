from __future__ import annotations

import subprocess
import sys


def test_evaluating_and_serving_import_no_training_library():
    modules = "trimtab.stages.evaluate, trimtab.stages.select, trimtab.stages.deploy, trimtab.deploy.predict"
    code = (
        f"import sys, {modules}; "
        "sys.exit(', '.join({'tensorflow', 'keras', 'tf_keras', 'kfp'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
