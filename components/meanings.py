"""What the components' inputs and outputs mean, for their READMEs.

Not in the docstrings: KFP compiles a function's whole source, and each character of it stands some ten times
in the status of a run, which is limited.
"""

_REF = "a key in the store beside the runs' directories"

COMMON = {
    "config": "The resolved config as JSON, or the URI of a file with it; the run's first task gets it, the "
    "others find it in the run's directory.",
    "output": "URI of the directory that holds the runs' directories, and the store.",
    "run_id": "The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.",
    "run": "The run's id; or what `data_prep` returns in its place, by which Kubeflow's cache knows the "
    "question: then the pod has the id in `TRIMTAB_RUN_ID`.",
    "training": "The argument `run` of `tune` and `train`.",
    "candidates": "The argument `run` of `prune`, `quantize` and `evaluate`.",
    "shard": "Which part of the recipes: `1/2` is the first of two.",
    "dataset": f"The prepared data: {_REF}.",
    "hyperparameters": f"The search's outcome: {_REF}; empty: there was none.",
    "model": f"The trained model: {_REF}.",
    "pruned": f"The shard's pruned models: {_REF}.",
    "quantized": f"The shard's candidates: {_REF}.",
    "evaluations": "The evaluations of every shard: keys in the store.",
    "forced_by": "Who wants it whatever the data or the judgement; empty: nobody does.",
    "forced_reason": "Why they want it, in words.",
    "retrain": "Whether a champion is retrained: its snapshot in the run's directory is heeded.",
    "pipeline": "The pipeline that it reports on: `optimize`, `retrain` or `compress`.",
    "html": "The report as one self-contained page.",
    "card": "The model card.",
    "deployed": "What was deployed: URI, version, runtime, size, quality and proof, as metadata and as JSON.",
    "metrics": "Quality and size of the baseline and the chosen candidate, with their latency; of a shard, "
    "those of its candidates.",
    "curves": "The confusion matrix, and the ROC curve, of the shard's best candidate.",
    "confusion": "The confusion matrix of the chosen candidate, or of the baseline when none was chosen.",
}
"""By name, for every component that has one of this name."""

RETURNED = {
    "check_data": "Whether there is a reason to retrain.",
    "tune": COMMON["hyperparameters"],
    "train": COMMON["model"],
    "prune": COMMON["pruned"],
    "quantize": COMMON["quantized"],
    "evaluate": f"The shard's evaluations: {_REF}.",
    "select": "Whether a candidate is within the budget, and is to replace the champion, if there is one.",
    "deploy": "URI of the deployed version.",
}
"""By component, for its unnamed output."""

VERIFIED = "2026-11-26T00:00:00Z"
"""When the components last ran as they are; the form of kubeflow/pipelines-components wants it."""

OWNERS = {"approvers": ["maintainers"], "reviewers": ["maintainers"]}
"""Who answers for the components: handles, as Prow reads them of a file OWNERS in each folder."""

TAGS = {
    "check_data": "data-processing",
    "plan": "data-processing",
    "data_prep": "data-processing",
    "tune": "training",
    "train": "training",
    "prune": "training",
    "quantize": "training",
    "evaluate": "evaluation",
    "select": "evaluation",
    "deploy": "deployment",
    "report": "evaluation",
}
"""By component, the category that it would be in there."""
