"""What the fork server of `cli.processes` imports, once for all tasks of a run: by importing this module."""

from trimtab.stages.parent_death import end_with_runner

# A fork server ends with the process that started it, but looks for that only after these imports.
end_with_runner()

# ruff: noqa: E402
import os
import pkgutil
from importlib import import_module

from trimtab.artifacts.code_version import code_version
from trimtab.cli.kfp_local import CONTAINER_MODE
from trimtab.cli.processes import FORKED
from trimtab.stages import making
from trimtab.stages.imports import light_imports

# As in a task's own process: the part of KFP that runs a component, and not its client.
os.environ[CONTAINER_MODE] = "true"

with light_imports():
    for name in (
        "kfp.dsl.executor_main",
        *(f"{making.__name__}.{module.name}" for module in pkgutil.iter_modules(making.__path__)),
        *(f"trimtab.stages.{stage}" for stage in sorted(FORKED)),
        "trimtab.runtimes.litert.convert",
    ):
        import_module(name)

# Now, once for all tasks: theirs is the code that was imported, whatever is written over its files meanwhile.
code_version()
