"""Which lines of a log are shown, and what is said where there are none."""

import json

from cli.kubeflow.argo_workflow import Made

from trimtab.cli.kubeflow import logs

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
