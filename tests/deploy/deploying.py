"""What deploys in a process of its own, which is killed, or races with others."""

from __future__ import annotations

import json
import time

from trimtab.deploy import promotion, servable
from trimtab.deploy.switch import promote, rollback
from trimtab.errors import DeployError
from trimtab.storage import artifact


def deploy(target, selection, training, schema):
    """Deploys in a process of its own, without the check."""
    servable.check = lambda *a: servable.Check()
    source, kept = artifact.load(selection, "selection"), artifact.load(training, "training")
    promotion.deploy(target, source, schema, "{}", training=kept)


def work(name, target, schema, meeting, others, orders, *, meet):
    """Follows orders, and writes what came of them: a file of JSON in the directory where all meet.

    With ``meet``, what stands for the servability check waits for the others: by then all have read the
    pointer.
    """

    def all_come(where):
        (meeting / where / name).touch()
        end = time.monotonic() + 300
        while len(list((meeting / where).iterdir())) < others:
            assert time.monotonic() < end, "the others did not come"
            time.sleep(0.005)

    def check(*_):
        if meet:
            all_come("checks")
        return servable.Check()

    servable.check, ends = check, []
    all_come("starts")
    for action, value in orders:
        try:
            if action == "deploy":
                made = promotion.deploy(target, artifact.load(value, "selection"), schema, "{}", by=name)
            else:
                made = promote(target, value, by=name) if action == "promote" else rollback(target, by=name)
            moved = getattr(made, "moved", True)
            ends.append([action, made.version if moved else None, ""])
        except DeployError as error:
            ends.append([action, None, error.message])
    (meeting / name).write_text(json.dumps(ends))
