"""How a run is judged, by workflows in the form of a real server's."""

import json

import pytest
from cli.kubeflow.argo_workflow import Made, digits, fnv1a

from trimtab.cli.kubeflow import argo, reading
from trimtab.errors import ClusterError

FROZEN = [{"state": "RUNNING", "display_name": "root"}]


@pytest.mark.parametrize("candidates", [10, 50, 200])
@pytest.mark.parametrize(("deployed", "code"), [(True, 0), (False, 3)])
def test_a_frozen_list_of_tasks_is_no_verdict(trimtab, add, candidates, deployed, code):
    run = add("SUCCEEDED", digits(candidates, deployed=deployed), compressed=True, details=FROZEN)
    exit_code, _, err = trimtab("status", run["run_id"], "--follow")
    assert exit_code == code, err
    assert ("deploy " in err) == deployed
    out = trimtab("status", run["run_id"])[1]
    assert sum(line.startswith("  evaluate") for line in out.splitlines()) == candidates


def test_where_the_workflow_is_not_handed_out_a_frozen_list_means_unknown(trimtab, server, make_node):
    frozen = [*FROZEN, make_node("select", "SUCCEEDED", 3, seconds=1), make_node("report", "RUNNING", 4)]
    run = server.add_run("SUCCEEDED", run_details={"task_details": frozen})
    code, out, err = trimtab("status", run["run_id"], "--follow", "--json")
    assert code == 69
    assert "it is not known whether a model was deployed" in err
    assert json.loads(out)["state"] == "SUCCEEDED"
    out, err = trimtab("status", run["run_id"])[1:]
    assert "report         not known" in out
    assert "list of tasks ended before the run did" in err


def test_a_frozen_list_with_deploy_in_it_is_a_verdict(trimtab, server, make_node):
    frozen = [*FROZEN, make_node("deploy", "SUCCEEDED", 3, seconds=1)]
    run = server.add_run("SUCCEEDED", run_details={"task_details": frozen})
    assert trimtab("status", run["run_id"], "--follow")[0] == 0


def test_nodes_that_argo_keeps_in_its_own_database_are_not_all_there_is(trimtab, server, make_node):
    listed = [make_node("root", "SUCCEEDED", 1), make_node("select", "SUCCEEDED", 3, seconds=1)]
    run = server.add_run("SUCCEEDED", run_details={"task_details": listed})
    offloaded = {"metadata": {"name": "x"}, "status": {"offloadNodeStatusVersion": "fnv:1"}}
    server.workflows[run["run_id"]] = json.dumps(offloaded)
    assert trimtab("status", run["run_id"], "--follow")[0] == 69


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 404},
        {"status": 403},
        {"status": 405, "body": b""},
        {"status": 500, "body": b'{"message": "failed to convert the run"}'},
        {
            "status": 200,
            "body": b"<!doctype html><title>UI</title>",
            "headers": {"Content-Type": "text/html"},
        },
    ],
)
def test_a_server_that_has_no_workflows_is_read_by_its_list_of_tasks(trimtab, server, make_node, fault):
    listed = [make_node("train", "RUNNING", 1)]
    run = server.add_run("RUNNING", run_details={"task_details": listed})
    server.fail("v1beta1", times=10_000, **fault)
    code, out, _ = trimtab("status", run["run_id"])
    assert (code, out.splitlines()[1]) == (0, "  train          started")


@pytest.mark.parametrize("asked", ["runs/", "recurringruns"])
def test_a_proxys_page_of_a_404_is_no_word_of_a_run_or_its_schedule(trimtab, server, asked):
    run = server.add_run("RUNNING", recurring_run_id="b428397a-dfa1-4936-b5a7-a80f13d049cf")
    page = {"body": b"<html>not found</html>", "headers": {"Content-Type": "text/html"}}
    server.fail(f"GET .*v2beta1/{asked}", times=10_000, status=404, **page)
    for options in ([], ["--follow"]):
        code, out, err = trimtab("status", run["run_id"], *options)
        assert (code, "this is no Kubeflow Pipelines server" in err) == (1, True)
        assert "deleted" not in out + err


def test_a_login_that_workflows_want_is_asked_for(trimtab, server):
    run = server.add_run("RUNNING")
    server.fail("v1beta1", times=10_000, status=401, body=b'{"message": "Unauthenticated"}')
    code, _, err = trimtab("status", run["run_id"])
    assert code == 1
    assert "Log in again" in err


def test_a_run_that_has_ended_is_told_with_the_time_that_it_took(trimtab, add):
    made = Made()
    made.task("deploy")
    run = add("SUCCEEDED", made, created_at="2026-11-01T12:00:00Z", finished_at="2026-11-01T12:06:01Z")
    assert "  6:01  run " in trimtab("status", run["run_id"], "--follow")[2]


def test_a_run_whose_schedule_was_deleted_ends(trimtab, add):
    made = Made()
    made.task("data-prep", "Pending")
    run = add("RUNNING", made, recurring_run_id="b428397a-dfa1-4936-b5a7-a80f13d049cf")
    code, _, err = trimtab("status", run["run_id"], "--follow")
    assert code == 1
    assert "its schedule was deleted while it ran" in err
    assert "data_prep                     not reached" in err
    code, _, err = trimtab("stop", run["run_id"])
    assert code == 2
    assert "--force" in err


def test_a_run_of_a_schedule_that_is_there_goes_on(trimtab, add, server):
    server.tables["recurringruns"].append({"recurring_run_id": "here", "display_name": "nightly"})
    run = add("RUNNING", Made(), recurring_run_id="here")
    assert "RUNNING" in trimtab("status", run["run_id"])[1]


def test_the_last_attempt_is_what_counts():
    made = Made(retries=False)
    place = "root.optimization.train"
    made._node(place, "DAG", "metadata-0-2-retry-system-container-executor", "Succeeded")
    template = "metadata-0-2-retry-system-container-impl"
    for attempt, phase in enumerate(("Failed", "Error", "Succeeded")):
        made._node(f"{place}.executor({attempt})", "Pod", template, phase)
    (task,) = reading.tasks(argo.parse(made.manifest()))
    name = f"trimtab-optimize-x7k2p.{place}.executor(2)"
    assert (task.state, task.pod) == ("SUCCEEDED", f"trimtab-optimize-x7k2p-{template}-{fnv1a(name)}")
    assert len(task.pods) == 3


def test_a_dag_that_is_tried_again_has_one_task_each():
    made = Made()
    for attempt, phase in enumerate(("Failed", "Succeeded")):
        place = f"root(0).challenge({attempt}).train"
        made._node(place, "Retry", "metadata-0-2-system-container-executor", phase)
        made._node(f"{place}(0)", "DAG", "metadata-0-2-system-container-executor", phase)
    (task,) = reading.tasks(argo.parse(made.manifest()))
    assert (task.label, task.state) == ("train", "SUCCEEDED")


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"metadata": {}}',
        '{"metadata": {"name": "x"}, "status": {"compressedNodes": "?"}}',
        '{"metadata": {"name": "x"}, "status": {"compressedNodes": "H4sIAAAA"}}',
        '{"metadata": {"name": "x"}, "status": {"nodes": {"a": {"id": "a"}}}}',
    ],
)
def test_a_workflow_that_cannot_be_read(trimtab, server, manifest):
    with pytest.raises(ClusterError, match="cannot be read"):
        argo.parse(manifest)


def test_a_workflow_that_cannot_be_read_does_not_hide_a_run_that_has_ended(trimtab, server, make_node):
    run = server.add_run(
        "SUCCEEDED", run_details={"task_details": [make_node("deploy", "SUCCEEDED", 1, seconds=1)]}
    )
    server.workflows[run["run_id"]] = "no JSON"
    assert trimtab("status", run["run_id"], "--follow")[0] == 0
