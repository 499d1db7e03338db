import subprocess
import sys

# A process of its own: whatever is below it is told to stop.
STOPPED = """
import os, signal, subprocess, time
from multiprocessing import resource_tracker
from trimtab import preemption
from trimtab.cli import local

preemption.SAVE_SECONDS = 3600
resource_tracker.ensure_running()
task = subprocess.Popen(["sleep", "600"])
try:
    with local._terminated_as_interrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(600)
except KeyboardInterrupt:
    print(signal.Signals(-task.wait()).name)
"""


def test_a_stopped_run_waits_for_its_tasks_and_not_for_the_resource_tracker_which_ignores_signals():
    done = subprocess.run([sys.executable, "-c", STOPPED], capture_output=True, text=True, timeout=60)
    assert done.stdout == "SIGTERM\n", done.stderr
