"""How large the status of a run becomes on Kubeflow, estimated from the compiled pipeline.

Measured on Kubeflow Pipelines 2.17.0: a run's status is a list of Argo's nodes, seven for each task and three
for each driver of a DAG. Two thirds of it is `pod-spec-patch`, which stands in several nodes of a task: the
command of KFP's launcher with what the task is given, its component's spec, and its code.
"""

import json
from dataclasses import dataclass

RUN_ID = "0b1f6a52-7b1e-4a53-9d0e-3a6b1c2d4e5f"
EXAMPLES = {
    "output": "gs://a-bucket/some/where/runs",
    "run_id": RUN_ID,
    "config": json.dumps({"a part of the config": ["x" * 40] * 90}),  # about 4 kB, as of a plain run
    "shard": "1/2",
    "pipeline": "optimize",
    "retrain": True,
    "run": f"asked/{'0' * 32}/{'0' * 12}",
    "forced_by": "somebody@example.com",
    "forced_reason": "it has to be, as the old one is known to be wrong",
}
# From three runs of one skeleton with 1, 2 and 4 shards: 81 nodes and 426 kB, 105 and 579 kB, 153 and 886 kB.
NODES_OF_TASK, NODES_OF_DAG, NODES_OF_RUN = 7, 3, 3
BYTES_OF_NODE, COPIES_OF_PATCH = 1_900, 8.0
ARTIFACT_BYTES = 650
RUN_LABEL = {
    "name": "TRIMTAB_RUN_ID",
    "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['pipeline/runid']"}},
}


@dataclass(frozen=True)
class Estimate:
    """A run's pods, nodes and bytes.

    Attributes:
        tasks: The bytes of each task, by name; a stage of the loop as often as there are shards.
    """

    tasks: list[tuple[str, int]]
    dags: int

    @property
    def pods(self):
        """Two for each task, the driver and the work, and one for each DAG."""
        return 2 * len(self.tasks) + self.dags

    @property
    def nodes(self):
        return NODES_OF_TASK * len(self.tasks) + NODES_OF_DAG * self.dags + NODES_OF_RUN

    @property
    def bytes(self):
        return sum(size for _, size in self.tasks) + BYTES_OF_NODE * (NODES_OF_DAG * self.dags + NODES_OF_RUN)


def estimate(compiled, shards):
    """Returns the estimate of a whole run, every condition of which holds."""
    tasks = []

    def visit(component):
        """Returns how many DAGs there are at and below one, and notes the tasks."""
        dags = 1
        for name, task in component["dag"]["tasks"].items():
            target = compiled["components"][task["componentRef"]["name"]]
            if "dag" not in target:
                patch = len(pod_spec_patch(compiled, task, target, shards))
                tasks.append((name, int(NODES_OF_TASK * BYTES_OF_NODE + COPIES_OF_PATCH * patch)))
            elif "parameterIterator" in task:
                dags += 1 + sum(visit(target) for _ in range(shards))
            else:
                dags += visit(target)
        return dags

    dags = visit(compiled["root"])
    return Estimate(tasks, dags)


def pod_spec_patch(compiled, task, component, shards):
    """Returns what KFP's driver patches into the pod of a task."""
    executor = compiled["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
    inputs = component.get("inputDefinitions", {})
    outputs = component.get("outputDefinitions", {})
    given = {
        "inputs": {
            "parameterValues": {
                one: value(one, shards) if one in task["inputs"]["parameters"] else spec["defaultValue"]
                for one, spec in inputs.get("parameters", {}).items()
            },
            "artifacts": dict.fromkeys(inputs.get("artifacts", {}), "x" * ARTIFACT_BYTES),
        },
        "outputs": {
            "parameters": {
                one: {"outputFile": f"/tmp/kfp/outputs/{one}"} for one in outputs.get("parameters", {})
            },
            "artifacts": {
                one: output_artifact(task, one) for one in [*outputs.get("artifacts", {}), "executor-logs"]
            },
            "outputFile": "/tmp/kfp_outputs/output_metadata.json",
        },
    }
    launcher = [
        "/kfp-launcher/launch",
        *("--pipeline_name", compiled["pipelineInfo"]["name"], "--run_id", RUN_ID, "--execution_id", "1234"),
        *("--executor_input", json.dumps(given), "--component_spec", json.dumps(component)),
        *("--pod_name", "$(KFP_POD_NAME)", "--pod_uid", "$(KFP_POD_UID)"),
        *("--mlmd_server_address", "$(METADATA_GRPC_SERVICE_HOST)"),
        *("--mlmd_server_port", "$(METADATA_GRPC_SERVICE_PORT)", "--publish_logs", "true", "--"),
    ]
    container = {
        "name": "main",
        "image": executor["image"],
        "command": launcher,
        "args": [*executor["command"], *executor["args"]],
        "resources": {},
        "env": [RUN_LABEL] if "run" in inputs.get("parameters", {}) else [],
    }
    return json.dumps({"containers": [container]})


def value(name, shards):
    if name == "evaluations":
        return [f"{name}/{'0' * 32}"] * shards
    return EXAMPLES.get(name, f"{name}/{'0' * 32}")


def output_artifact(task, name):
    uri = f"minio://mlpipeline/v2/artifacts/trimtab-optimize/{RUN_ID}/{task['taskInfo']['name']}/{RUN_ID}/{name}"
    return {
        "artifacts": [{"name": name, "type": {"schemaTitle": "system.Artifact"}, "uri": uri, "metadata": {}}]
    }
