from __future__ import annotations

import getpass
import os
import socket

import pytest

from trimtab.deploy.identity import who


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def test_a_person_on_a_machine():
    assert who() == f"{getpass.getuser()}@{socket.gethostname()}"
    assert who("runs/digits-1") == who()


def test_a_run_in_a_pod(monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert who("gs://bucket/runs/6f1e2d/") == "6f1e2d"
    assert "@" in who()


def test_a_uid_that_is_nobody(monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert who("runs/digits-1") == "digits-1"
    assert who() == f"{os.getuid()}@{socket.gethostname()}"
