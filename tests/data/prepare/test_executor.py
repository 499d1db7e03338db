import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trimtab.data.prepare.executor import Inline, ProcessPool, executor
from trimtab.errors import DataError, TrimtabError

SCRIPT = """
import operator, os, sys
from trimtab.data.prepare.executor import executor
print("main ran", os.getpid())
with executor(2, 3) as workers:
    print(list(workers.map(operator.neg, [1, 2, 3])))
"""


def test_one_item_or_one_worker_needs_no_process() -> None:
    for workers, items in ((1, 10), (8, 1), (8, 0)):
        with executor(workers, items) as found:
            assert isinstance(found, Inline)


def test_results_come_in_order_from_a_few_processes_and_only_a_few_items_ahead() -> None:
    taken = 0

    class Items(list[float]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            nonlocal taken
            for item in super().__iter__():
                taken += 1
                yield item

    with executor(2, 40) as workers:
        assert isinstance(workers, ProcessPool)
        results = workers.map(abs, Items(float(-item) for item in range(40)))
        assert next(results) == 0
        assert taken <= 5
        assert list(results) == list(range(1, 40))


def test_typed_errors_arrive_whole() -> None:
    with (
        pytest.raises(DataError, match="no such directory") as caught,
        executor(2, 2) as workers,
    ):
        list(workers.map(_fail, ["a", "b"]))
    assert (caught.value.path, caught.value.hint) == ("a", "do this")
    assert caught.value.describe() == "a: no such directory\n  do this"


def test_a_dead_worker_is_a_typed_error() -> None:
    with pytest.raises(TrimtabError, match="worker process died"), executor(2, 2) as workers:
        list(workers.map(os._exit, [9, 9]))


def test_an_unguarded_script_does_not_run_twice(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert done.stdout.count("main ran") == 1
    assert "[-1, -2, -3]" in done.stdout


def _fail(path: str) -> None:
    time.sleep(0.01)
    raise DataError("no such directory", path=path, hint="do this")
