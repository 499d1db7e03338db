import os
import signal
import subprocess
import sys

import pytest

from trimtab.stages.parent_death import RUNNER, end_with_runner

TASK = """
import time
from trimtab.stages.parent_death import end_with_runner
end_with_runner()
print("at work", flush=True)
time.sleep(600)
"""


@pytest.fixture
def runner():
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def task(runner):
    environment = {**os.environ, RUNNER: str(runner.pid)}
    return subprocess.Popen([sys.executable, "-c", TASK], env=environment, stdout=subprocess.PIPE, text=True)


def test_a_task_ends_with_the_process_that_runs_the_pipeline_and_no_sooner(runner):
    with task(runner) as process:
        assert process.stdout.readline() == "at work\n"
        assert process.poll() is None
        runner.kill()
        assert process.wait(60) == -signal.SIGKILL


def test_a_task_whose_runner_has_ended_already_does_nothing(runner):
    runner.kill()
    runner.wait()
    with task(runner) as process:
        assert process.stdout.readline() == ""
        assert process.wait(60) == -signal.SIGKILL


def test_who_was_told_of_no_runner_works_on(monkeypatch):
    monkeypatch.delenv(RUNNER, raising=False)
    end_with_runner()
