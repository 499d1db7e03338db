"""SavedModels that attack: operations that reach out of the graph, and graphs that take all there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from faults.bomb import Bomb, Make, adopted, write_run

from trimtab.models.spec import ModelSpec

_DIRECTORY = "saved"
_SAVES = """
import sys, tensorflow as tf
directory, outside = sys.argv[1:]

class Attack(tf.Module):
    def __init__(self):
        self.kernel = tf.Variable(tf.ones((4, 2)))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)], autograph=False)
    def answer(self, x):
        y = tf.nn.softmax(x @ self.kernel)
{lines}
        return y

attack = Attack()
tf.saved_model.save(attack, directory, signatures=attack.answer)
"""


def _saved(*lines: str, limits: str = "{}") -> Make:
    """Makes a model whose answer ``y`` to ``x`` comes of such lines."""

    def make(place: Path, outside: Path) -> None:
        script = _SAVES.format(lines="\n".join(f"        {line}" for line in lines))
        command = [sys.executable, "-c", script, str(place / _DIRECTORY), str(outside)]
        subprocess.run(command, check=True, capture_output=True)
        write_run(place, f"{{archive: {_DIRECTORY}, limits: {limits}}}", "runtimes: [litert]\n")

    return make


def _spoiled(name: str, content: slice) -> Make:
    """Makes a model one of whose files is replaced by a part of it, three times over."""

    def make(place: Path, outside: Path) -> None:
        _saved()(place, outside)
        file = place / _DIRECTORY / name
        file.write_bytes(3 * file.read_bytes()[content])

    return make


def _adopted(place: Path) -> None:
    adopted(place, ModelSpec("tabular", "classification", (4,), "float32", 2))


_READS = "y += tf.cast(tf.strings.length(tf.io.read_file('/etc/passwd')), tf.float32)"
_WRITES = "with tf.control_dependencies([tf.io.write_file(outside + '/written', 'x')]): y = tf.identity(y)"
_PYTHON = "y = tf.ensure_shape(tf.py_function(lambda v: v, [y], tf.float32), [None, 2])"
_FILLS = "y += tf.reduce_sum(tf.fill([1 << 15, 1 << 18], x[0, 0]))"
_FOLDS = "y += tf.reduce_sum(tf.fill(tf.reshape(tf.cast(tf.size(x), tf.int64) * (1 << 29), [1]), 1.0))"
_LOOPS = "y = tf.while_loop(lambda v: tf.reduce_sum(v) > -1.0, lambda v: [tf.nn.softmax(v)], [y])[0]"
_SHORT = "{seconds: 2}"
"""What computes without end takes all the time that it may."""

_TENSORFLOW_SECONDS = 8.0
"""Two processes import it: one that looks at the file, and one that converts it."""

_ATTACKS = {
    "reads": _saved(_READS),
    "writes": _saved(_WRITES),
    "python": _saved(_PYTHON),
    "fills": _saved(_FILLS),
    "folds": _saved(_FOLDS, limits=_SHORT),
    "never-ends": _saved(_LOOPS, limits=_SHORT),
    "scrambled": _spoiled("saved_model.pb", slice(100, None)),
    "variables-cut": _spoiled("variables/variables.data-00000-of-00001", slice(2)),
    "index-scrambled": _spoiled("variables/variables.index", slice(40)),
}
BOMBS = tuple(
    Bomb(f"saved-model-{name}", make, _adopted, library_seconds=_TENSORFLOW_SECONDS)
    for name, make in _ATTACKS.items()
)
