"""What select finds inside the files of the baseline and the chosen candidate."""

import os
import signal

from trimtab.artifacts import inside as artifact
from trimtab.artifacts.inside import LayerInside, LayersInside
from trimtab.evaluate.turns import Served
from trimtab.runtimes.base import Times
from trimtab.stages import inside, tensorflow_state


class Runtime:
    """One that counts, or dies."""

    def __init__(self, dies_of=""):
        self._dies_of = dies_of

    def times(self, directory, batch, threads):
        if directory.name == self._dies_of:
            os.kill(os.getpid(), signal.SIGKILL)
        return Times((("conv", "CONV_2D", 0.5),), f"on {threads} threads")


def looked(tmp_path, monkeypatch, serving):
    monkeypatch.setattr(inside, "runtime", lambda _: serving)
    # The child must have this runtime too. It does nothing with TensorFlow, whatever ran in this process.
    monkeypatch.setattr(tensorflow_state, "has_begun", lambda: False)
    found = {name: Served("litert", tmp_path / name) for name in ("baseline", "chosen")}
    for served in found.values():
        served.directory.mkdir()
    layers = [LayerInside(name="conv_1", kind="CONV_2D", size_bytes=10, error=0.5)]
    artifact.write(tmp_path / "chosen", LayersInside(layers=layers))
    return inside.look(found, {"input": [[0.0]]}, threads=2)


def test_layers_are_read_and_times_measured(tmp_path, monkeypatch):
    found = looked(tmp_path, monkeypatch, Runtime())
    assert found["chosen"].layers.layers[0].name == "conv_1"
    assert [one.milliseconds for one in found["chosen"].times] == [0.5]
    assert found["chosen"].how_timed == "on 2 threads"
    assert "not looked at" in found["baseline"].layers.why_not, "an earlier trimtab made it"


def test_a_crash_costs_the_times_that_come_later_and_nothing_else(tmp_path, monkeypatch):
    found = looked(tmp_path, monkeypatch, Runtime(dies_of="chosen"))
    assert found["baseline"].times
    assert found["chosen"].times == []
    assert "SIGKILL" in found["chosen"].how_timed
    assert found["chosen"].layers.layers, "they were known before"
