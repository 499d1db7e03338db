from __future__ import annotations

import numpy as np
import pytest

from trimtab.batch import INPUT, OUTPUT
from trimtab.deploy import golden
from trimtab.errors import DeployError


def test_saved_is_loaded(tmp_path):
    saved = golden.Golden(
        {INPUT: np.arange(6, dtype=np.uint8).reshape(2, 3)}, {OUTPUT: np.ones((2, 1), np.float32)}, 1e-5
    )
    saved.save(tmp_path / "golden.npz")
    found = golden.Golden.load(tmp_path / "golden.npz")
    np.testing.assert_array_equal(found.x[INPUT], saved.x[INPUT])
    assert found.x[INPUT].dtype == np.uint8
    assert found.difference(saved.y) == 0
    assert found.tolerance == 1e-5


def test_differences_shapes_and_nan():
    found = golden.Golden({INPUT: np.zeros((2, 3))}, {OUTPUT: np.zeros((2, 2), np.float32)}, 1e-5)
    assert found.difference({OUTPUT: np.array([[0, 0], [0, -0.5]], np.float32)}) == 0.5
    assert found.difference({OUTPUT: np.zeros((2, 3), np.float32)}) is None
    assert found.difference({OUTPUT: np.full((2, 2), np.nan, np.float32)}) is None
    assert found.difference({"other": np.zeros((2, 2), np.float32)}) is None


def test_several_tensors_come_back_by_name(tmp_path):
    x = {"left": np.zeros((2, 3)), "right": np.ones((2, 1), np.int32)}
    y = {"label": np.ones((2, 4), np.float32), "box.size": np.ones((2, 2), np.float32)}
    golden.Golden(x, y, 1e-5).save(tmp_path / "golden.npz")
    found = golden.Golden.load(tmp_path / "golden.npz")
    assert (found.x.keys(), found.y.keys()) == (x.keys(), y.keys())
    assert found.difference({**y, "label": y["label"] + np.float32(0.25)}) == 0.25


def test_files_of_older_versions_are_read(tmp_path):
    np.savez(tmp_path / "golden.npz", x=np.zeros((2, 3)), y=np.ones((2, 1), np.float32), tolerance=1e-5)
    found = golden.Golden.load(tmp_path / "golden.npz")
    assert found.x[INPUT].shape == (2, 3)
    assert found.y[OUTPUT].shape == (2, 1)


@pytest.mark.parametrize("damage", ["missing", "cut", "text", "empty"])
def test_unusable_files_are_typed_errors(tmp_path, damage):
    path = tmp_path / "golden.npz"
    if damage != "missing":
        rows = 0 if damage == "empty" else 4
        golden.Golden({INPUT: np.zeros((rows, 3))}, {OUTPUT: np.zeros((rows, 1), np.float32)}, 1e-5).save(
            path
        )
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:200])
    if damage == "text":
        path.write_text("no archive")
    with pytest.raises(DeployError, match=r"golden\.npz"):
        golden.Golden.load(path)


STEPS = np.round(np.random.default_rng(0).random((100, 3)) * 256).astype(np.float32) / 256


def test_tolerance_is_at_least_rounding_and_a_step_more_where_the_file_computes_in_integers():
    assert golden.tolerance(STEPS, {"float32"}, 0.0) == pytest.approx(1e-5)
    assert golden.tolerance(STEPS, {"int8", "float32"}, 0.0) == pytest.approx(1 / 256 + 1e-5)
    assert golden.tolerance(STEPS, {"dynamic_int8"}, 0.0) == pytest.approx(1 / 256 + 1e-5)
    assert golden.tolerance(1000 * STEPS, {"float32"}, 0.0) == pytest.approx(1e-2, rel=0.05)
    assert golden.tolerance(np.full((5, 2), 0.5, np.float32), {"int8"}, 0.0) == pytest.approx(1e-5)


@pytest.mark.parametrize("arithmetic", ["float32", "int8", "dynamic_int8"])
def test_tolerance_is_twice_what_kernels_are_apart_but_never_all_there_is(arithmetic):
    assert golden.tolerance(STEPS, {arithmetic}, 5 / 256) == pytest.approx(10 / 256)
    assert golden.tolerance(STEPS, {arithmetic}, 0.6) == pytest.approx(0.1, rel=0.05)
