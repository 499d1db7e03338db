"""How often test rows have decided, on this machine and in a bucket."""

from __future__ import annotations

import json
import threading

import pytest

from trimtab.deploy import ledger
from trimtab.deploy.repository import LEDGER_FILE, Repository
from trimtab.errors import DeployError
from trimtab.storage.store import open_store


def decide(target, run, rows="rows", limits="limits"):
    return len(ledger.enter(Repository(target), rows, limits, run))


def test_decisions_are_counted_by_rows(anywhere):
    assert [decide(anywhere, "run-1"), decide(anywhere, "run-2")] == [1, 2]
    assert decide(anywhere, "run-3", rows="others") == 1
    made = ledger.read(Repository(anywhere)).of("rows")
    assert [one.run for one in made] == ["run-1", "run-2"]


def test_a_run_that_goes_on_decides_no_second_time(anywhere):
    assert [decide(anywhere, run) for run in ("run-1", "run-2", "run-1", "run-2")] == [1, 2, 1, 2]


def test_who_decides_at_once_gets_a_number_of_its_own(anywhere):
    numbers, meet = [], threading.Barrier(5)

    def one(run):
        meet.wait()
        numbers.append(decide(anywhere, run))

    threads = [threading.Thread(target=one, args=(f"run-{number}",)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [1, 2, 3, 4, 5]


def test_nothing_was_decided_where_there_is_no_ledger(anywhere):
    assert ledger.read(Repository(anywhere)).decisions == []


def test_what_a_newer_trimtab_wrote_is_kept(anywhere):
    one = {"rows": "rows", "limits": "limits", "run": "run-0", "at": "2026-01-01", "weight": 2}
    content = json.dumps({"decisions": [one], "since": "2026"}).encode()
    open_store(anywhere).write(LEDGER_FILE, content)
    assert decide(anywhere, "run-1") == 2
    kept = json.loads(open_store(anywhere).read(LEDGER_FILE))
    assert (kept["since"], kept["decisions"][0]) == ("2026", one)


def test_a_damaged_ledger_is_named_with_what_to_do(anywhere):
    open_store(anywhere).write(LEDGER_FILE, b'{"decisions": [')
    with pytest.raises(DeployError, match="Remove it") as caught:
        decide(anywhere, "run-1")
    assert caught.value.path.endswith("/ledger.json")


def test_it_is_no_version(anywhere):
    decide(anywhere, "run-1")
    assert Repository(anywhere).versions() == []
