from trimtab.report.records.evidence import gather_evidence
from trimtab.stages.stage import StageRecord


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
    assert (found.histories, found.trials, found.warnings, found.timings) == ([], [], [], [])


def test_a_warning_is_shown_once_with_the_stage_that_gave_it():
    records = [
        StageRecord(stage="data_prep", ok=True, summary={"warnings": ["twice", "twice"]}),
        StageRecord(stage="train", ok=True, summary={"warnings": ["twice"]}),
    ]
    assert gather_evidence(records).warnings == ["twice", "train: twice"]


def test_tracebacks_of_stages_and_of_candidates_are_kept():
    records = [
        StageRecord(stage="select", traceback="Traceback: select"),
        StageRecord(stage="prune", item="two_four", ok=True, summary={"traceback": "Traceback: prune"}),
    ]
    assert gather_evidence(records).tracebacks == {
        "prune two_four": "Traceback: prune",
        "select": "Traceback: select",
    }


def test_a_loss_that_is_not_a_number_has_no_place_on_a_curve():
    epochs = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("nan")}, {"epoch": 3, "loss": None}]
    records = [StageRecord(stage="train", summary={"history": epochs})]
    assert [("loss" in row) for row in gather_evidence(records).histories[0].epochs] == [True, False, False]


def test_drift_that_cannot_be_read_is_left_out():
    broken = StageRecord(stage="data_prep", ok=True, summary={"drift": {"features": [{"name": "x"}]}})
    assert gather_evidence([broken]).drift is None
