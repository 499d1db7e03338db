"""How a run is judged, by what a real server answered and by workflows in the same form."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cli.kubeflow.argo_workflow import Made, digits, fnv1a

from trimtab.cli.kubeflow import argo, logs, reading
from trimtab.errors import ClusterError

OWN = "trimtab | train | failed: the loss is no number\n  See the curves."
LOG = f"""\
I1126 05:27:46.046066      16 main.go:67] Setting log level to: '1'
[KFP Executor 2026-11-26 05:27:46,460 INFO]: Looking for component `train`
[KFP Executor 2026-11-26 05:27:46,461 INFO]: Got executor_input:
{{
    "inputs": {{
        "parameterValues": {{}}
    }}
}}
{OWN}
E1126 05:27:49.716277      16 launcher_v2.go:449] Component failed to execute successfully: exit status 1
F1126 05:27:49.938210      16 main.go:59] failed to execute component: exit status 1
"""
FROZEN = [{"state": "RUNNING", "display_name": "root"}]


@pytest.fixture
def add(server):
    """Returns a function that gives the server a run with a workflow, and returns the run."""

    def add(state, made, *, compressed=False, details=(), **fields):
        run = server.add_run(state, run_details={"task_details": list(details)}, **fields)
        server.workflows[run["run_id"]] = made.manifest(compressed=compressed)
        return run

    return add


def history(*states):
    """Returns a run's history of states, a minute apart."""
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    return [
        {"state": state, "update_time": (start + timedelta(minutes=number)).isoformat()}
        for number, state in enumerate(states)
    ]


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


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims.",
            "ask for less in resources.stages.train",
        ),
        (
            'Unschedulable: 0/1 nodes are available: persistentvolumeclaim "nowhere" not found.',
            "resources.volume.claim",
        ),
        ("Unschedulable: 1 node(s) didn't match Pod's node affinity/selector.", "train.node_selector"),
        ("SchedulingGated: Scheduling is blocked due to non-empty scheduling gates", "Kueue holds it"),
        ("Unschedulable: 1 node(s) had untolerated taint {gpu: true}", "train.tolerations"),
        ('ErrImagePull: failed to resolve "docker.io/library/trimtab:9.9.9"', "Check --image"),
        ('CreateContainerConfigError: secret "key" not found', "resources.google_credentials_secret"),
        (
            "CreateContainerConfigError: couldn't find key accesskey in Secret kubeflow/key",
            "s3_credentials_secret and secret_variables",
        ),
        (
            "CreateContainerConfigError: container has runAsNonRoot and image will run as root",
            "is run as root: check --image",
        ),
        (
            "Unschedulable: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            "kubectl describe pvc says why",
        ),
        (
            "Unschedulable: 0/2 nodes are available: 2 node(s) had volume node affinity conflict.",
            "The claim's volume is of other nodes",
        ),
        (
            "Unschedulable: 0/1 nodes are available: 1 node(s) had untolerated taint "
            "{node.kubernetes.io/not-ready: }.",
            "see kubectl get nodes.",
        ),
        ("Unschedulable: 0/1 nodes are available: 1 node(s) were unschedulable.", "kubectl get nodes."),
        (
            "Unschedulable: 0/1 nodes are available: 1 Insufficient memory.",
            "stages.train, or let the cluster",
        ),
        ("Unschedulable: 0/1 nodes are available: 1 Too many pods.", "let the cluster grow"),
        (
            'pods "x" is forbidden: exceeded quota: team, requested: requests.cpu=4, limited: requests.cpu=2',
            "quota is used up",
        ),
        ("Something new", "kubectl describe pod -n kubeflow trimtab-optimize-x7k2p-metadata"),
        ("PodInitializing", "Only the pod's events say why"),
        ("", "Only the pod's events say why"),
    ],
)
@pytest.mark.parametrize("retries", [True, False])
def test_a_pod_that_cannot_start_is_told_with_what_to_do(trimtab, add, message, said, retries):
    made = Made(retries=retries)
    made.task("data-prep")
    made.task("train", "Pending", message=message)
    out = trimtab("status", add("RUNNING", made)["run_id"])[1]
    assert "train          waiting: its pod " in out
    assert said in out
    if ":" in message:
        assert message.removesuffix(".") in out


def test_of_nodes_that_lack_different_things_each_is_told(trimtab, add):
    made = Made()
    said = "0/5 nodes are available: 2 Insufficient memory, 3 node(s) had untolerated taint {gpu: true}."
    made.task("train", "Pending", message=f"Unschedulable: {said} preemption: No victims found.")
    out = trimtab("status", add("RUNNING", made)["run_id"])[1]
    assert "ask for less in resources.stages.train" in out
    assert "resources.stages.train.tolerations" in out
    assert "kubectl get nodes" not in out


@pytest.mark.parametrize(
    ("message", "host", "said"),
    [
        ("OOMKilled (exit code 137)", "node1", "raise resources.stages.train.memory"),
        (
            "Pod was active on the node longer than the specified deadline",
            "node1",
            "raise resources.stages.train.timeout_s",
        ),
        (
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 42Mi.",
            "node1",
            "ask for it in resources.stages.train.memory",
        ),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.", "node1", "TMPDIR"),
        (
            'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "",
            "its pod never started: pods",
        ),
        (
            'pods "x" is forbidden: error looking up service account a/b: serviceaccount "b" not found',
            "",
            "--service-account",
        ),
        ('admission webhook "policy.example.com" denied the request: no', "", "A policy of the cluster"),
    ],
)
def test_a_pod_that_was_ended_or_refused_is_told_with_what_to_do(trimtab, add, message, host, said):
    made = Made()
    made.task("train", "Error" if not host else "Failed", message=message, hostNodeName=host)
    made.task("select", "Omitted")
    out = trimtab("status", add("FAILED", made)["run_id"])[1]
    line = next(line for line in out.splitlines() if line.startswith("  train"))
    assert said in line
    assert message.rstrip(".") in line


def test_attempts_that_failed_are_told_while_the_next_goes_on(trimtab, add):
    made = Made(retries=False)
    place = "root.optimization.train"
    made._node(place, "DAG", "metadata-0-2-system-container-executor", "Running")
    for attempt in (0, 1):
        made._node(
            f"{place}.executor({attempt})", "Pod", "impl", "Failed", message="main: Error (exit code 1)"
        )
    made._node(f"{place}.executor(2)", "Pod", "impl", "Running")
    run = add("RUNNING", made)["run_id"]
    assert "started after 2 failed attempts (main: Error (exit code 1))" in trimtab("status", run)[1]
    (task,) = json.loads(trimtab("status", run, "--json")[1])["tasks"]
    assert task["failed_attempts"] == ["main: Error (exit code 1)"] * 2


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


def test_a_pod_that_was_only_just_made_is_no_trouble(trimtab, add):
    made = Made()
    made.task("train", "Pending", message="PodInitializing", startedAt=datetime.now(UTC).isoformat())
    assert trimtab("status", add("RUNNING", made)["run_id"])[1].endswith("train          waiting\n")


def test_a_driver_that_cannot_start_is_told_of_its_stage():
    made = Made(retries=False)
    made._node(
        "root.optimization.train-driver", "Pod", "system-container-driver", "Pending", message="ErrImagePull"
    )
    (task,) = reading.tasks(argo.parse(made.manifest()))
    assert (task.stage, task.state) == ("train", "PENDING")
    assert "ErrImagePull" in task.waits


def test_a_driver_that_failed_stands_for_its_stage():
    made = Made(retries=False)
    made._node(
        "root.optimization.train-driver", "Pod", "system-container-driver", "Failed", message="no such claim"
    )
    made._node("root.optimization.train", "Skipped", "metadata-0-2-system-container-executor", "Omitted")
    (task,) = reading.tasks(argo.parse(made.manifest()))
    assert (task.state, task.error) == ("FAILED", "no such claim")


def test_a_run_whose_pod_cannot_start_is_followed_with_the_reason(trimtab, add, server):
    made = Made()
    made.task("train", "Pending", message="ErrImagePull: no such image")
    run = add("RUNNING", made)
    server.script = [{}, {}, {"state": "FAILED", "state_history": history("RUNNING", "CANCELING", "FAILED")}]
    code, _, err = trimtab("status", run["run_id"], "--follow")
    assert code == 1
    assert "waiting: its pod cannot start: ErrImagePull: no such image. Check --image" in err
    assert "not reached" in err


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


def test_the_stages_own_lines_come_before_those_of_kubeflow(trimtab, add, server):
    made = Made()
    server.logs[made.task("train", "Failed", message="main: Error (exit code 1)")] = LOG
    out = trimtab("status", add("FAILED", made)["run_id"])[1]
    shown = [line.removeprefix("  | ") for line in out.splitlines() if line.startswith("  | ")]
    assert shown == OWN.splitlines()


def test_a_log_without_a_line_of_the_stage_is_shown_as_it_is():
    noise = "F1126 05:27:49.938210      16 main.go:59] failed to execute component"
    assert logs.own_lines(noise) == [noise]


def test_the_log_of_the_pod_itself_is_asked_for(trimtab, add, server):
    made = Made()
    server.logs[made.task("train")] = "epoch 1\n"
    run = add("SUCCEEDED", made)
    assert trimtab("logs", run["run_id"], "--task", "train")[1] == "=== train (succeeded)\nepoch 1\n"


def test_an_error_in_the_place_of_a_log_is_none_and_it_is_said_where_the_log_is(trimtab, add):
    made = Made()
    key = "private/run/pod/main.log"
    outputs = {"artifacts": [{"name": "main-logs", "s3": {"key": key}}], "exitCode": "0"}
    patch = json.dumps({"uri": "minio://mlpipeline/v2/artifacts/run/train/1/executor-logs"})
    inputs = {"parameters": [{"name": "pod-spec-patch", "value": patch}]}
    pod = made.task("train", outputs=outputs, inputs=inputs)
    code, out, err = trimtab("logs", add("SUCCEEDED", made)["run_id"], "--task", "train")
    assert (code, out) == (1, "=== train (succeeded): no log\n")
    assert f"kubectl logs -n kubeflow {pod} -c main" in err
    assert f"s3://mlpipeline/{key} or minio://mlpipeline/v2/artifacts/run/train/1/executor-logs*" in err


def test_what_looks_like_an_error_may_be_a_stages_own_line(trimtab, add, server):
    made = Made()
    line = '{"error_message": "one", "and": "more"}'
    server.logs[made.task("train")] = line
    assert line in trimtab("logs", add("SUCCEEDED", made)["run_id"], "--task", "train")[1]


def test_a_task_that_the_cache_answered_for_says_so_and_has_no_log(trimtab, add):
    made = Made()
    made.task("data-prep")
    made.task("train", "Cached")
    made.task("deploy")
    run = add("SUCCEEDED", made)
    code, out, _ = trimtab("status", run["run_id"])
    assert code == 0
    assert next(line for line in out.splitlines() if "train" in line).endswith(
        "answered from Kubeflow's cache"
    )
    assert trimtab("status", run["run_id"], "--follow")[0] == 0
    code, out, err = trimtab("logs", run["run_id"], "--task", "train")
    assert (code, err) == (0, "")
    assert "=== train (cached): no log" in out


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


# What was recorded: the run's state in words, the exit code of what has ended, what a task or the run says.
RECORDED = {
    "deployed-but-frozen": ("SUCCEEDED", 0, {"deploy": "finished", "evaluate 10": "finished"}),
    "one-recipe-frozen": ("SUCCEEDED", 0, {"deploy": "finished"}),
    "scheduled-champion-stays": ("SUCCEEDED", 3, {"compare": "finished"}),
    "scheduled-nothing-new": ("SUCCEEDED", 0, {"check_data": "finished"}),
    "running": ("RUNNING", None, {"train": "finished in 255 s"}),
    "pod-deleted-made-again": ("SUCCEEDED", 0, {"train": "finished in 255 s", "deploy": "finished"}),
    "killed-not-retried": ("FAILED", 1, {"train": "exit code 1", "select": "not reached"}),
    "killed-retried-without-template-defaults": ("SUCCEEDED", 0, {"deploy": "finished"}),
    "cannot-start-gpu": ("CANCELED", 1, {"data_prep": "its pod never started", "train": "not reached"}),
    "cannot-start-nopvc": ("CANCELING", None, {"report": 'persistentvolumeclaim "nowhere" not found'}),
    "cannot-start-nosecret": ("CANCELING", None, {"report": "kubectl describe pod -n kubeflow trimtab-"}),
    "cannot-start-badimage": ("CANCELING", None, {"report": "ErrImagePull", "data_prep": "stopped"}),
    "stopped-while-unschedulable": ("CANCELED", 1, {"data_prep": "stopped", "report": "finished"}),
    "stopped-healthy": ("CANCELED", 1, {"train": "stopped after 49 s", "report": "finished"}),
    "stopped-canceling-for-ever": ("CANCELING", None, {"report": "resources.volume.claim"}),
    "schedule-deleted-while-running": (
        "GONE",
        1,
        {"plan": "finished", "data_prep": "not known after 14 failed attempts (main: Error (exit code 1))"},
    ),
    "bad-config": ("FAILED", 1, {"data_prep": "exit code 1", "tune": "not reached"}),
}


@pytest.fixture
def recorded(root, server):
    """Returns a function that lets the server answer what a real one did, and returns the run's id."""
    directory = root.parent / "shared/cases/kubeflow"
    if not directory.is_dir():
        pytest.skip("the recordings of a real server are not here: ../shared/cases/kubeflow")

    def put(name):
        run, workflow = (
            json.loads(gzip.decompress((directory / f"{name}.{api}.json.gz").read_bytes()))
            for api in ("v2beta1", "v1beta1")
        )
        # Nothing of where it ran is here.
        run["runtime_config"] = {"parameters": {}}
        server.tables["runs"].append(run)
        server.workflows[run["run_id"]] = workflow["pipeline_runtime"]["workflow_manifest"]
        if run.get("recurring_run_id") and name != "schedule-deleted-while-running":
            server.tables["recurringruns"].append({"recurring_run_id": run["recurring_run_id"]})
        return run["run_id"]

    return SimpleNamespace(put=put, read=lambda name: (directory / name).read_bytes())


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_real_server_answered_is_read_right(trimtab, recorded, name):
    state, code, said = RECORDED[name]
    run = recorded.put(name)
    shown = json.loads(trimtab("status", run, "--json")[1])
    assert shown["state"] == state
    assert shown["all_tasks"]
    lines = {line[2:16].strip(): line[17:] for line in trimtab("status", run)[1].splitlines()[1:]}
    for task, words in said.items():
        assert words in lines[task]
    if shown["state"] not in ("RUNNING", "CANCELING"):
        assert not any(line.startswith("waiting") for line in lines.values())
    if code is not None:
        assert trimtab("status", run, "--follow")[0] == code


def test_what_a_real_server_answered_of_schedules_is_listed(trimtab, recorded, server):
    answer = json.loads(gzip.decompress(recorded.read("recurringruns.v2beta1.json.gz")))
    server.tables["recurringruns"] += answer["recurringRuns"]
    out = trimtab("schedule", "list")[1]
    assert [line.split()[0] for line in out.splitlines()] == ["cancer", "failing"]
    assert "every 60 s" in out


def test_an_archived_log_of_a_real_server_is_shown_with_the_stages_lines_first(trimtab, recorded, server):
    run = recorded.put("bad-config")
    log = recorded.read("log-archived.http").partition(b"\r\n\r\n")[2].decode()
    task = "trimtab-optimize-k4x98-metadata-0-2-system-container-impl-2269474201"
    server.logs[task] = log
    out = trimtab("status", run)[1]
    shown = [line.removeprefix("  | ") for line in out.splitlines() if line.startswith("  | ")]
    assert shown[0] == "trimtab | data_prep | started"
    assert shown[1].startswith("trimtab | data_prep | failed: the parameter `config`: data: Field required")
    assert len(shown) == 3
    assert log in trimtab("logs", run, "--task", "data_prep")[1]


def test_what_a_real_server_says_of_a_log_that_is_not_there_is_no_log(trimtab, recorded, server):
    run = recorded.put("deployed-but-frozen")
    body = recorded.read("log-of-no-such-pod.http").partition(b"\r\n\r\n")[2]
    server.fail("/log$", status=200, times=10_000, body=body, headers={"Content-Type": "text/plain"})
    code, out, err = trimtab("logs", run, "--task", "train")
    assert (code, out) == (1, "=== train (succeeded): no log\n")
    pod = "trimtab-optimize-mj5f7-metadata-0-2-system-container-impl-3313477493"
    assert f"kubectl logs -n kubeflow {pod} -c main" in err
    assert f"{pod}/main.log" in err


def test_what_a_real_server_says_to_a_second_stop_is_not_asked_for(trimtab, recorded, server):
    run = recorded.put("stopped-canceling-for-ever")
    body = recorded.read("second-terminate.http").partition(b"\r\n\r\n")[2]
    server.fail("terminate", status=400, times=10_000, body=body)
    code, out, err = trimtab("stop", run)
    assert code == 0
    assert "is being stopped already" in out
    assert f"trimtab stop {run} --force" in err
