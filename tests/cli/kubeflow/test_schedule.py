"""`trimtab schedule`."""

import json
from datetime import UTC, datetime

import pytest


@pytest.fixture
def create(trimtab, config):
    """Returns a function that creates a schedule."""

    def made(*options):
        return trimtab("schedule", "create", config, "--output", "gs://bucket/runs", *options)

    return made


@pytest.fixture
def nightly(create, server):
    """Returns a schedule that pauses after three failures."""
    assert create("--cron", "0 2 * * *", "--name", "nightly", "--pause-after-failures", "3")[0] == 0
    return server.tables["recurringruns"][0]


def outcomes(server, schedule, *states):
    fields = {"recurring_run_id": schedule["recurring_run_id"], "experiment_id": schedule["experiment_id"]}
    for state in states:
        server.add_run(state, **fields)


def test_a_schedule_runs_one_at_a_time_and_never_catches_up(create, server):
    code, out, err = create("--cron", "0 0 2 * * *")
    assert code == 0, err
    assert out == "tiny: cron 0 0 2 * * * UTC\n"
    (made,) = server.tables["recurringruns"]
    assert made["display_name"] == "tiny"
    assert made["no_catchup"] is True
    assert int(made["max_concurrency"]) == 1
    assert made["mode"] == "ENABLE"
    assert json.loads(made["runtime_config"]["parameters"]["config"])["name"] == "tiny"
    assert made["runtime_config"]["parameters"]["output"] == "gs://bucket/runs"
    assert (
        made["pipeline_version_reference"]["pipeline_version_id"]
        == server.versions[-1]["pipeline_version_id"]
    )


@pytest.mark.parametrize(
    ("options", "pipeline"),
    [([], "retrain"), (["--pipeline", "retrain"], "retrain"), (["--pipeline", "optimize"], "optimize")],
)
def test_it_runs_the_pipeline_that_is_asked_for(create, server, options, pipeline):
    assert create("--every", "6h", *options)[0] == 0
    assert [one["display_name"] for one in server.tables["pipelines"]] == [f"trimtab-{pipeline}"]
    (made,) = server.tables["recurringruns"]
    given = {"forced_by", "forced_reason"}
    assert set(made["runtime_config"]["parameters"]) == {"config", "output", "shards"} | given


def test_a_model_that_others_replace_is_compressed_again_and_again(trimtab, tmp_path, server):
    file = tmp_path / "compress.yaml"
    file.write_text(
        "name: tiny\nmodel: {archive: 'gs://bucket/newest.keras'}\n"
        "data: {train: 'gs://bucket/train.csv', test: 'gs://bucket/test.csv', label: y}\n"
    )
    options = ("--every", "1d", "--output", "gs://bucket/runs", "--pipeline", "compress")
    code, _, err = trimtab("schedule", "create", file, *options)
    assert code == 0, err
    assert [one["display_name"] for one in server.tables["pipelines"]] == ["trimtab-compress"]
    sent = server.tables["recurringruns"][0]["runtime_config"]["parameters"]
    config = json.loads(sent["config"])
    assert (config["model"]["archive"], config["train"]["epochs"]) == ("gs://bucket/newest.keras", 0)


def test_a_config_without_a_model_is_not_scheduled_to_be_compressed(create, server):
    code, _, err = create("--every", "6h", "--pipeline", "compress")
    assert code == 2
    assert "model.archive" in err
    assert server.calls == []


def test_an_old_server_schedules_pods_without_a_security_context(create, server):
    server.knows_security_contexts = False
    assert create("--cron", "0 2 * * *")[0] == 0
    assert len(server.tables["recurringruns"]) == 1
    assert b"securityContext" not in server.packages[-1]


def test_five_fields_get_their_seconds_and_intervals_are_seconds(create, server):
    assert create("--cron", "0 2 * * *", "--name", "a")[0] == 0
    assert create("--every", "6h", "--name", "b")[0] == 0
    a, b = server.tables["recurringruns"]
    assert a["trigger"]["cron_schedule"]["cron"] == "0 0 2 * * *"
    assert int(b["trigger"]["periodic_schedule"]["interval_second"]) == 21600


@pytest.mark.parametrize(
    "options", [[], ["--cron", "0 2 * * *", "--every", "6h"], ["--cron", "0 2 * *"], ["--every", "1s"]]
)
def test_unusable_times(create, server, options):
    code, _, err = create(*options)
    assert code == 2
    assert err
    assert server.calls == []


def test_a_name_is_taken_once(create, nightly, server):
    code, _, err = create("--cron", "0 3 * * *", "--name", "nightly")
    assert code == 2
    assert "there is a schedule nightly already" in err
    assert len(server.tables["recurringruns"]) == 1


@pytest.mark.parametrize(
    "how", [{"status": 503}, {"status": 500, "carried_out": True}, {"carried_out": True}]
)
def test_one_schedule_is_created_whatever_happens_to_the_answer(create, server, how):
    server.fail("POST .*/recurringruns$", **how)
    code, _, err = create("--every", "6h")
    assert code == 0, err
    assert len(server.tables["recurringruns"]) == 1


def test_a_schedule_that_may_have_been_created_is_not_created_again(create, server):
    server.fail("POST .*/recurringruns$")
    code, _, err = create("--every", "6h")
    assert code == 1
    assert "It is not known whether the schedule tiny was created" in err
    assert "trimtab schedule list" in err
    assert server.count("POST .*/recurringruns$") == 1


def test_a_schedule_may_have_any_name(create, trimtab, server):
    assert create("--every", "6h", "--name", "夜 + 100 %41")[0] == 0
    assert create("--every", "6h", "--name", "夜 + 100 %41")[0] == 2
    assert trimtab("schedule", "pause", "夜 + 100 %41")[0] == 0
    assert [one["status"] for one in server.tables["recurringruns"]] == ["DISABLED"]


@pytest.mark.parametrize("name", [" ", " a", "-x", "夜-x", "x" * 129])
def test_a_name_that_no_schedule_can_have(create, server, name):
    code, _, err = create("--every", "6h", "--name", name)
    assert code == 2
    assert "--name: " in err
    assert "expected 128 characters at most" in err
    assert server.calls == []


def test_pause_resume_delete(trimtab, nightly, server):
    assert trimtab("schedule", "pause", "nightly")[:2] == (0, "nightly is paused\n")
    assert nightly["status"] == "DISABLED"
    assert trimtab("schedule", "resume", "nightly")[:2] == (0, "nightly is enabled\n")
    assert nightly["status"] == "ENABLED"
    assert trimtab("schedule", "delete", "nightly")[0] == 0
    assert server.tables["recurringruns"] == []
    code, _, err = trimtab("schedule", "pause", "nightly")
    assert code == 2
    assert "there is no schedule nightly" in err


def test_a_schedule_is_not_deleted_from_under_a_run(trimtab, nightly, server):
    outcomes(server, nightly, "SUCCEEDED", "RUNNING")
    (active,) = (run["run_id"] for run in server.tables["runs"] if run["state"] == "RUNNING")
    code, out, err = trimtab("schedule", "delete", "nightly")
    assert (code, out) == (2, "")
    assert f"a run of it goes on, and would be cut off: {active}" in err
    assert f"trimtab stop {active}" in err
    assert server.tables["recurringruns"] == [nightly]
    assert trimtab("schedule", "delete", "nightly", "--force")[0] == 0
    assert server.tables["recurringruns"] == []


def test_a_lost_answer_to_a_deletion_is_no_failure(trimtab, nightly, server):
    server.fail("DELETE", carried_out=True)
    assert trimtab("schedule", "delete", "nightly")[:2] == (0, "nightly is deleted\n")
    assert server.tables["recurringruns"] == []


def test_of_two_of_a_name_one_is_chosen_by_its_id(trimtab, nightly, server):
    twin = {**nightly, "recurring_run_id": "5f1c9a52-7b1e-4a53-9d0e-3a6b1c2d4e5f"}  # as made in the UI
    server.tables["recurringruns"].append(twin)
    code, _, err = trimtab("schedule", "delete", "nightly")
    assert code == 2
    assert "there are 2 schedules nightly" in err
    assert twin["recurring_run_id"] in err
    assert nightly["recurring_run_id"] in err
    assert trimtab("schedule", "delete", twin["recurring_run_id"])[0] == 0
    assert server.tables["recurringruns"] == [nightly]
    assert trimtab("schedule", "delete", twin["recurring_run_id"])[0] == 2


def test_runs_from_before_a_schedule_are_not_gone_through(trimtab, create, server):
    server.add_run("SUCCEEDED", experiment_id="e")
    assert create("--every", "6h", "--pause-after-failures", "1")[0] == 0
    (made,) = server.tables["recurringruns"]
    experiment = made["experiment_id"]
    for number in range(20):
        old = {"experiment_id": experiment, "created_at": f"2026-10-01T00:00:{number:02}Z"}
        server.add_run("SUCCEEDED", **old)
    before = server.count("GET .*/runs$")
    assert trimtab("schedule", "check")[0] == 0
    assert server.count("GET .*/runs$") == before + 1


def test_one_that_the_server_cannot_read_hides_no_other(trimtab, nightly, server, monkeypatch):
    broken = {
        "recurring_run_id": "5f1c9a52-7b1e-4a53-9d0e-3a6b1c2d4e5f",
        "created_at": "2026-10-01T00:00:00Z",
    }
    server.tables["recurringruns"].append({**broken, "error": {"code": 13, "message": "no pipeline"}})
    server.multi_user = True
    monkeypatch.setenv("TRIMTAB_KFP_NAMESPACE", "team")
    code, out, err = trimtab("schedule", "list")
    assert code == 0, err
    assert "5f1c9a52-7b1e-4a53-9d0e-3a6b1c2d4e5f  paused   unreadable: no pipeline" in out
    assert "nightly" in out
    assert trimtab("schedule", "check")[0] == 0
    assert trimtab("schedule", "delete", broken["recurring_run_id"])[0] == 0


def test_who_is_named_in_the_config_is_told_that_a_schedule_is_paused(trimtab, nightly, server, monkeypatch):
    told = []
    monkeypatch.setattr("trimtab.notify.send", lambda *given: told.append(given) or ["slack: away"])
    sent = nightly["runtime_config"]["parameters"]
    sent["config"] = json.dumps({**json.loads(sent["config"]), "notify": {"slack": "SLACK_URL"}})
    outcomes(server, nightly, "FAILED", "FAILED", "FAILED")
    code, _, err = trimtab("schedule", "check")
    assert code == 0
    ((settings, notice),) = told
    assert (settings.slack, notice.text) == ("SLACK_URL", "nightly is paused after 3 failures in a row")
    assert "warning: nobody was told by slack: away" in err


def test_a_schedule_that_has_fallen_silent_is_told_of(trimtab, nightly, server):
    outcomes(server, nightly, "SUCCEEDED", "FAILED")
    code, out, _ = trimtab("schedule", "check", "--silent", "1d")
    assert (code, out) == (1, "nightly: no run has succeeded for 1d\n")  # its clock is of November 2026
    for run in server.tables["runs"]:
        run["finished_at"] = datetime.now(UTC).isoformat()
    assert trimtab("schedule", "check", "--silent", "1d")[:2] == (0, "")
    assert trimtab("schedule", "check", "--silent", "soon")[0] == 2


def test_one_whose_experiment_was_deleted_hides_no_other(trimtab, create, nightly, server, monkeypatch):
    assert create("--every", "6h", "--experiment", "gone", "--pause-after-failures", "1")[0] == 0
    del server.tables["experiments"][1]
    outcomes(server, nightly, "FAILED", "FAILED", "FAILED")
    server.multi_user = True
    monkeypatch.setenv("TRIMTAB_KFP_NAMESPACE", "team")
    assert "3 of 3 failures in a row" in trimtab("schedule", "list")[1]
    assert trimtab("schedule", "check")[:2] == (0, "nightly is paused after 3 failures in a row\n")


def test_list(trimtab, create, nightly, server):
    for name in ("b", "a", "c"):
        assert create("--every", "6h", "--name", name)[0] == 0
    outcomes(server, nightly, "SUCCEEDED", "FAILED", "FAILED", "RUNNING")
    code, out, _ = trimtab("schedule", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["a", "b", "c", "nightly"]
    assert "2 of 3 failures in a row" in out
    code, out, _ = trimtab("schedule", "list", "--json")
    shown = {one["name"]: one for one in json.loads(out)}
    assert shown["nightly"]["failures_in_a_row"] == 2
    assert shown["nightly"]["pause_after"] == 3
    assert shown["a"]["when"] == "every 21600 s"


@pytest.mark.parametrize(
    ("states", "paused"),
    [
        (["FAILED"] * 3, True),
        (["SUCCEEDED", "FAILED", "FAILED", "FAILED"], True),
        (["FAILED", "FAILED"], False),
        (["FAILED", "FAILED", "SUCCEEDED", "FAILED", "FAILED"], False),
        (["FAILED", "FAILED", "FAILED", "SUCCEEDED"], False),
        (["FAILED", "FAILED", "FAILED", "RUNNING"], True),
        (["FAILED", "CANCELED", "FAILED", "FAILED"], True),
        ([], False),
    ],
)
def test_check_pauses_after_failures_in_a_row(trimtab, nightly, server, states, paused):
    outcomes(server, nightly, *states)
    server.add_run("FAILED", experiment_id=nightly["experiment_id"])  # of no schedule
    code, out, _ = trimtab("schedule", "check")
    assert code == 0
    assert nightly["status"] == ("DISABLED" if paused else "ENABLED")
    assert out == ("nightly is paused after 3 failures in a row\n" if paused else "")


def test_a_resumed_schedule_begins_to_count_again(trimtab, nightly, server):
    outcomes(server, nightly, "FAILED", "FAILED", "FAILED")
    trimtab("schedule", "check", "nightly")
    assert nightly["status"] == "DISABLED"
    assert "3 failed runs were archived" in trimtab("schedule", "resume", "nightly")[1]
    trimtab("schedule", "check", "nightly")
    assert nightly["status"] == "ENABLED"
    outcomes(server, nightly, "FAILED", "FAILED", "FAILED")
    trimtab("schedule", "check", "nightly")
    assert nightly["status"] == "DISABLED"


def test_a_schedule_without_a_limit_is_left_alone(trimtab, create, server):
    assert create("--every", "6h")[0] == 0
    outcomes(server, server.tables["recurringruns"][0], *["FAILED"] * 9)
    trimtab("schedule", "check")
    assert server.tables["recurringruns"][0]["status"] == "ENABLED"
