"""Deployments that die at any moment: the champion stays servable, and the next deployment works."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import sys

import pytest
from deploy.deploying import deploy
from faults import forked

from trimtab.deploy import promotion
from trimtab.deploy.repository import Repository
from trimtab.deploy.switch import promote

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unchecked")]


def all_is_well(target):
    """Asserts that the champion, and every other version that is listed, is whole."""
    repository = Repository(target)
    champion = repository.champion()
    assert champion.version == champion.history[-1].version
    assert champion.version in repository.versions()
    for version in repository.versions():
        with repository.fetched(version) as found, repository.training(version):
            assert (found.path / "golden.npz").is_file()
    return champion


def test_at_every_system_call_of_a_deployment_that_is_then_repeated(
    target, make_selection, make_training, schema, tmp_path
):
    promotion.deploy(target, make_selection(1), schema, "{}", training=make_training(1))
    shutil.move(target, tmp_path / "before")
    new, kept, other, moment = make_selection(2), make_training(2), make_selection(3), 0
    while True:
        shutil.copytree(tmp_path / "before", target)
        moment += 1
        child = os.fork()
        if child == 0:
            try:
                die_at(moment, target)
                promotion.deploy(target, new, schema, "{}", training=kept)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        all_is_well(target)
        again = promotion.deploy(target, new, schema, "{}", training=kept)
        champion = all_is_well(target)
        assert [made.version for made in champion.history] == [1, again.version]
        if moment % 10 == 0:  # nor is anybody else stopped
            assert promotion.deploy(target, other, schema, "{}").previous == again.version
        shutil.rmtree(target)
    assert moment > 40  # it really died at many places, and was not only slow to begin


def die_at(moment, target):
    """Makes this process kill itself when it touches the repository for the n-th time."""
    seen = 0

    def audit(event, arguments):
        nonlocal seen
        if event.startswith(("open", "os.")) and any(str(one).startswith(target) for one in arguments):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)


def test_at_many_requests_of_a_deployment(emulator, make_selection, make_training, schema, tmp_path):
    target, count = "gs://bucket/deployed/digits", emulator.count
    promotion.deploy(target, make_selection(1), schema, "{}", training=make_training(1))
    arguments = (target, str(make_selection(2).path), str(make_training(2).path), schema)
    before, killed = emulator.contents("bucket", "deployed/digits/1/"), 0
    for moment in range(1, 60, 7):
        seen = 0
        started = queue.SimpleQueue()

        def die(method, path, started=started, moment=moment):
            nonlocal seen
            seen += 1
            if seen == moment:
                started.get().kill()
            count(method, path)

        emulator.count = die
        process = forked.start(deploy, tmp_path / "log", *arguments)
        started.put(process)
        process.join(120)
        killed += process.exitcode == -signal.SIGKILL
        emulator.count = count
        if all_is_well(target).version != 1:
            promote(target, 1)
        assert emulator.contents("bucket", "deployed/digits/1/") == before
    assert killed > 3
    again = promotion.deploy(target, make_selection(3), schema, "{}", training=make_training(3))
    assert all_is_well(target).version == again.version
