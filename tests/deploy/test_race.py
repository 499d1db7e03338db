"""Many processes that deploy, promote and roll back at once: every move of the pointer is one process'."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.deploy import promotion
from trimtab.deploy.repository import Repository

# Does what a line of standard input says, and prints what came of it. Where there are `others`, the
# servability check waits for them: by then all have read the pointer.
WORKER = """
import json, sys, time
from pathlib import Path
from trimtab.deploy import promotion, servable
from trimtab.deploy.switch import promote, rollback
from trimtab.errors import DeployError
from trimtab.storage import artifact

name, target, schema, here, others = sys.argv[1:]
check = servable.check

def wait(*arguments):
    Path(here + name).touch()
    end = time.monotonic() + 300
    while len(list(Path(here).parent.glob(Path(here).name + "*"))) < int(others):
        assert time.monotonic() < end, "the others did not come"
        time.sleep(0.005)
    return check(*arguments)

servable.check = wait if int(others) else lambda *a: servable.Check()
print("ready", flush=True)
for line in sys.stdin:
    action, value = json.loads(line)
    try:
        if action == "deploy":
            source = artifact.load(value, "selection")
            made = promotion.deploy(target, source, Path(schema).read_bytes(), "{}", by=name)
        else:
            made = promote(target, value, by=name) if action == "promote" else rollback(target, by=name)
        moved = getattr(made, "moved", True)
        print(json.dumps([action, made.version if moved else None, ""]), flush=True)
    except DeployError as error:
        print(json.dumps([action, None, error.message]), flush=True)
"""
LOST = "another deployment moved the pointer first"


@pytest.fixture
def workers(anywhere, make_selection, schema, digits_dataset, tmp_path):
    """Returns a function that starts a process for every list of orders: -> what each says of each order."""

    def run(orders, *, meet):
        arguments = [str(digits_dataset / "schema.json"), str(tmp_path / "here-"), str(len(orders) * meet)]
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, f"worker-{n}", anywhere, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(len(orders))
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process, mine in zip(processes, orders, strict=True):
            process.stdin.write("".join(json.dumps(order) + "\n" for order in mine))
            process.stdin.close()
        return [[json.loads(line) for line in process.stdout] for process in processes]

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
