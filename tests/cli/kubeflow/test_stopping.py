"""What a run is that was stopped, and how it is."""

from cli.kubeflow.argo_workflow import Made, history


def test_a_stopped_run_is_stopped_not_failed(trimtab, add):
    made = Made()
    made.task("data-prep")
    made.task("train", "Failed", message="main: Error (exit code 143)", finishedAt="2026-11-01T12:01:09Z")
    made.task("select", "Omitted")
    made.task("report")
    run = add("FAILED", made, state_history=history("RUNNING", "CANCELING", "FAILED"))
    code, _, err = trimtab("status", run["run_id"], "--follow")
    assert code == 1
    assert "run                           stopped\n" in err
    assert "stopped at 2026-11-01 12:01:00 UTC, by the API or its UI" in err
    assert "does not say why" not in err
    out = trimtab("status", run["run_id"])[1]
    assert "CANCELED" in out
    assert "train          stopped after" in out
    assert "select         not reached" in out


def test_a_task_that_had_failed_before_the_run_was_stopped_has_failed(trimtab, add):
    made = Made()
    made.task("train", "Failed", message="main: Error (exit code 1)")
    run = add("FAILED", made, state_history=history("RUNNING", "CANCELING", "FAILED"))
    assert "train          failed after" in trimtab("status", run["run_id"])[1]


def test_a_second_stop_says_what_it_waits_for_and_how_to_end_it(trimtab, add, server):
    made = Made()
    made.task("report", "Pending", message='Unschedulable: persistentvolumeclaim "nowhere" not found')
    run = add("CANCELING", made, state_history=history("RUNNING", "CANCELING"))
    code, out, err = trimtab("stop", run["run_id"])
    assert code == 0
    assert "is being stopped already, since 2026-11-01 12:01:00 UTC" in out
    assert 'persistentvolumeclaim "nowhere" not found' in err
    assert f"trimtab stop {run['run_id']} --force" in err
    assert not server.count("terminate")


def test_a_first_stop_says_so_too(trimtab, add):
    made = Made()
    made.task("train", "Pending", message="ErrImagePull: no such image")
    run = add("RUNNING", made)
    code, out, err = trimtab("stop", run["run_id"])
    assert (code, out) == (0, f"{run['run_id']} is being stopped\n")
    assert "--force" in err


def test_force_ends_a_run_and_leaves_it_out_of_the_list(trimtab, add, server):
    run = add("CANCELING", Made(), state_history=history("RUNNING", "CANCELING"))
    assert trimtab("stop", run["run_id"], "--force")[0] == 0
    assert server.tables["runs"] == []
