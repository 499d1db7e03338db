from trimtab.artifacts.record import EntryRecord, StageRecord
from trimtab.report.records.evidence import gather_evidence

DATA = {"rows": {"train": 1}, "task": "classification", "fingerprint": "f"}
TRAINED = {"weights_sha256": "ab", "cost": {"parameters": 1, "macs": 1, "sparsity": 0.0}}


def test_what_the_stages_recorded_is_found(run_records):
    _, records = run_records()
    found = gather_evidence(records)
    assert found.histories[0].name == "train"
    assert found.histories[0].best_epoch == 17
    assert len(found.trials) == 6
    assert found.measured_on == "Intel(R) Xeon(R) Processor @ 2.10GHz, 400 runs each"
    assert found.version == "3"
    assert found.weights_sha256 == "ab" * 32
    assert [timing.name for timing in found.timings][:3] == ["data_prep", "tune", "train"]


def test_nothing_recorded_is_nothing_shown():
    found = gather_evidence([])
    assert (found.histories, found.trials, found.timings) == ([], [], [])


def test_tracebacks_of_stages_and_of_candidates_are_kept():
    records = [
        StageRecord(stage="select", traceback="Traceback: select"),
        StageRecord(
            stage="prune",
            shard="1/2",
            ok=True,
            entries=[EntryRecord(name="two_four", ok=False, traceback="Traceback: prune")],
        ),
    ]
    assert gather_evidence(records).tracebacks == {
        "prune two_four": "Traceback: prune",
        "select": "Traceback: select",
    }


def test_a_loss_that_is_not_a_number_has_no_place_on_a_curve():
    epochs = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("nan")}, {"epoch": 3, "loss": None}]
    records = [StageRecord(stage="train", ok=True, summary=TRAINED | {"history": epochs})]
    assert [("loss" in row) for row in gather_evidence(records).histories[0].epochs] == [True, False, False]


def test_what_another_version_wrote_is_left_out():
    broken = StageRecord(stage="data_prep", ok=True, summary=DATA | {"drift": {"features": [{"name": "x"}]}})
    assert gather_evidence([broken]).drift is None


def test_what_was_reused_is_told_task_by_task_and_branch_by_branch():
    entries = [EntryRecord(name="two_four", reused=True), EntryRecord(name="channels-0.5", seconds=3.0)]
    record = StageRecord(stage="prune", shard="1/2", ok=True, entries=entries)
    assert [(timing.name, timing.is_task, timing.reused) for timing in gather_evidence([record]).timings] == [
        ("prune 1/2", True, False),
        ("prune two_four", False, True),
        ("prune channels-0.5", False, False),
    ]
