"""Many processes that deploy, promote and roll back at once: every move of the pointer is one process'."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deploy.deploying import work
from faults import forked

from trimtab.deploy import promotion
from trimtab.deploy.repository import Repository

LOST = "another deployment moved the pointer first"


@pytest.fixture
def workers(anywhere, make_selection, schema, unchecked, tmp_path):
    """Returns a function that starts a process for every list of orders: -> what each says of each order."""

    def run(orders, *, meet):
        meeting = tmp_path / "meeting"
        for where in ("starts", "checks"):
            (meeting / where).mkdir(parents=True)
        given = (anywhere, schema, meeting, len(orders))
        names = [f"worker-{n}" for n in range(len(orders))]
        processes = [
            forked.start(work, tmp_path / name, name, *given, mine, meet=meet)
            for name, mine in zip(names, orders, strict=True)
        ]
        for name, process in zip(names, processes, strict=True):
            process.join(300)
            assert process.exitcode == 0, (tmp_path / name).read_text()
        return [json.loads((meeting / name).read_bytes()) for name in names]

    for seed in (1, 2, 3):
        promotion.deploy(anywhere, make_selection(seed), schema, "{}", by="before")
    return run


def deploys(make_selection, *seeds):
    return [["deploy", str(make_selection(seed).path)] for seed in seeds]


def test_of_all_that_read_the_same_pointer_exactly_one_moves_it(anywhere, workers, make_selection):
    orders = [*deploys(make_selection, 4, 5), ["promote", 1], ["rollback", None], ["promote", 2]]
    ends = [end for (end,) in workers([[order] for order in orders], meet=True)]
    winners = [version for _, version, _ in ends if version is not None]
    assert len(winners) == 1, ends
    assert sum(LOST in message for _, _, message in ends) == len(orders) - 1
    champion = Repository(anywhere).champion()
    assert (champion.version, champion.previous, len(champion.history)) == (winners[0], 3, 4)
    assert all(f"version {winners[0]}, by worker-" in message for _, _, message in ends if message)
    # The deployments that lost are there, under numbers of their own.
    assert Repository(anywhere).versions() == [1, 2, 3, 4, 5]


def test_no_move_is_lost_or_told_twice(anywhere, workers, make_selection):
    orders = [
        [
            order
            for number in range(6)
            for order in (*deploys(make_selection, 100 * n + number), ["promote", 1 + (n + number) % 3])
        ]
        for n in range(1, 5)
    ]
    ends = workers(orders, meet=False)
    told = sorted(
        (f"worker-{n}", action, version)
        for n, mine in enumerate(ends)
        for action, version, _ in mine
        if version is not None
    )
    history = Repository(anywhere).champion().history
    written = sorted((made.by, made.action, made.version) for made in history if made.by != "before")
    assert told == written
    assert all(LOST in message for mine in ends for _, _, message in mine if message)
    deployed = [version for _, action, version in written if action == "deploy"]
    assert len(deployed) == len(set(deployed))
    repository = Repository(anywhere)
    assert repository.versions() == list(range(1, 3 + 4 * 6 + 1))
    for version in repository.versions():
        with repository.fetched(version) as found:
            assert (found.path / "golden.npz").is_file()
    assert Path(repository.location(repository.champion().version)).name == str(history[-1].version)
