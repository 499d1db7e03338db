from __future__ import annotations

import os

import pytest

from trimtab.cpus import cpus, threads


@pytest.fixture
def many(monkeypatch):
    """Returns 64 CPUs that this process may run on."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("100000 100000", 1),
        ("150000 100000", 2),
        ("20000 100000", 1),
        ("6400000 50000", 64),
        ("max 100000", 64),
        ("", 64),
    ],
)
def test_the_quota_of_a_container(many, tmp_path, quota, expected):
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert cpus(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("200000", 2), ("-1", 64)])
def test_the_quota_of_a_container_by_the_first_version(many, tmp_path, quota, expected):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cpus(tmp_path) == expected


def test_no_more_than_this_process_may_use(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3})
    (tmp_path / "cpu.max").write_text("400000 100000")
    assert cpus(tmp_path) == 2


def test_without_limits(many, tmp_path):
    assert cpus(tmp_path) == 64


def test_threads_are_few_however_many_processors(many):
    assert threads() == 4
