"""What we need of the parts that TensorFlow does not publish: what to look at first when it is upgraded."""

import subprocess
import sys

CODE = """
from trimtab.stages.tensorflow_state import has_begun
import sys
told = [has_begun(), "tensorflow" in sys.modules]
import keras
import tensorflow as tf
told.append(has_begun())
tf.constant(1.0) + 1.0
told.append(has_begun())
print(told)
"""


def test_it_has_begun_when_something_was_computed_and_not_when_it_was_imported() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[False, False, False, True]"
