"""Deployments to a bucket through a network that fails: a move is told as won when it won, and only then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from faults.proxy import Fault, wait_until

from trimtab.deploy import promotion, repository, servable
from trimtab.deploy.pointer import move
from trimtab.deploy.repository import Repository
from trimtab.deploy.switch import promote
from trimtab.errors import DeployError, StorageError
from trimtab.storage.objects.limits import Limits
from trimtab.storage.objects.store import ObjectStore

TARGET = "gs://bucket/deployed/digits"
LIMITS = Limits(connect_seconds=1.0, read_seconds=5.0, retry_seconds=20.0, pause_seconds=0.02)


@pytest.fixture
def deploy(proxy, monkeypatch, make_selection, make_training, schema):
    """Returns a function that deploys: ``deploy(seed, *faults)``; the faults befall the pointer's move."""
    monkeypatch.setattr(repository, "open_store", lambda uri: ObjectStore(uri, LIMITS))

    def run(seed, *faults):
        selection, training = make_selection(seed), make_training(seed)

        def spoil(*arguments):
            run.before_the_move = proxy.spoiled
            proxy.spoil(*faults)
            return servable.Check()

        monkeypatch.setattr(servable, "check", spoil)
        return promotion.deploy(TARGET, selection, schema, "{}", training=training, by=f"deployer-{seed}")

    run(1)
    return run


def moves():
    return [(made.action, made.version) for made in Repository(TARGET).champion().history]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("kind", ["503", "429", "reset", "lost answer", "truncate"])
def test_a_move_is_made_once_whatever_happens_to_the_answer(deploy, proxy, kind, times):
    assert deploy(2, Fault(kind, "uploadType", times)).version == 2
    assert len(proxy.spoiled) == times
    assert moves() == [("deploy", 1), ("deploy", 2)]


def test_one_that_was_overtaken_while_it_was_retried_knows_that_it_lost(deploy, proxy):
    with ThreadPoolExecutor(1) as pool:
        # The server sees nothing of the first attempt, and the second one comes too late.
        mine = pool.submit(deploy, 2, Fault("stall", "uploadType", seconds=2.0))
        wait_until(lambda: proxy.spoiled, 60)
        rival = move(Repository(TARGET), Repository(TARGET).pointer(), 1, "-", action="promote")
        with pytest.raises(DeployError, match="version 2 was not promoted: another deployment moved"):
            mine.result(timeout=60)
    assert rival.version == 1
    assert moves() == [("deploy", 1), ("promote", 1)]
    # What was deployed is there, and can be chosen.
    assert promote(TARGET, 2).previous == 1


def test_one_that_won_and_was_replaced_before_it_heard_of_it_knows_that_it_won(deploy, monkeypatch):
    swap = ObjectStore.swap

    def replaced(self, name, expected, data):
        monkeypatch.setattr(ObjectStore, "swap", swap)
        assert swap(self, name, expected, data)
        move(Repository(TARGET), data, 1, "-", action="promote")
        return False  # as its repetition is told, whose first answer was lost

    monkeypatch.setattr(ObjectStore, "swap", replaced)
    champion = move(Repository(TARGET), Repository(TARGET).pointer(), 1, "-", action="promote", by="me")
    assert champion.history[-1].by == "me"
    assert moves() == [("deploy", 1), ("promote", 1), ("promote", 1)]


def test_a_fault_that_lasts_moves_nothing(deploy, proxy, monkeypatch):
    hasty = Limits(connect_seconds=0.5, read_seconds=0.5, retry_seconds=0.5, pause_seconds=0.02)
    monkeypatch.setattr(repository, "open_store", lambda uri: ObjectStore(uri, hasty))
    with pytest.raises(StorageError, match=r"champion\.json"):
        deploy(2, Fault("503", "uploadType", times=10**9))
    proxy.spoil()
    assert moves() == [("deploy", 1)]
    monkeypatch.setattr(repository, "open_store", lambda uri: ObjectStore(uri, LIMITS))
    # The repeated step goes on with what its first attempt left: a version that nothing points to.
    assert deploy(2).version == 2
    assert Repository(TARGET).versions() == [1, 2]


@pytest.mark.parametrize(
    ("kind", "times"), [("503", 6), ("reset", 6), ("lost answer", 6), ("truncate", 6), ("corrupt upload", 2)]
)
def test_faults_while_a_version_is_copied_are_not_noticed(deploy, proxy, kind, times):
    proxy.spoil(Fault(kind, "uploadType", times))
    assert deploy(2).version == 2
    assert len(deploy.before_the_move) == times
    champion = Repository(TARGET).champion()
    with Repository(TARGET).fetched(champion.version), Repository(TARGET).training(champion.version):
        assert champion.previous == 1
