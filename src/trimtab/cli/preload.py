"""What the fork server of `cli.processes` imports, once for all tasks of a run: by importing this module."""

import os
from importlib import import_module

from trimtab.stages.imports import light_imports

# As in a task's own process: the part of KFP that runs a component, and not its client.
os.environ["_KFP_RUNTIME"] = "true"

with light_imports():
    for name in (
        "kfp.dsl.executor_main",
        "trimtab.stages.evaluate",
        "trimtab.stages.prune",
        "trimtab.stages.quantize",
        "trimtab.stages.train",
        "trimtab.stages.tune",
        "trimtab.stages.making.evaluated",
        "trimtab.stages.making.hyperparameters",
        "trimtab.stages.making.pruned",
        "trimtab.stages.making.quantized",
        "trimtab.stages.making.trained",
    ):
        import_module(name)
