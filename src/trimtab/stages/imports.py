"""How the stages that train or convert import Keras and TensorFlow: for 1.6 s of CPU time instead of 4.8."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def light_imports(*, scikit_learn: bool = False) -> Iterator[None]:
    """Leaves out what makes two thirds of the cost of Keras in a process that lives for seconds.

    - The garbage collector walks the growing heap again and again, and once more when the process ends: it
      is off meanwhile, and never looks at what was imported.
    - Wherever scikit-learn is installed, Keras imports it, and with it SciPy, for wrappers that no stage
      uses: it is not found meanwhile. A user's builder that imports it later does find it.

    A process that has Keras already has paid: nothing changes.

    Args:
        scikit_learn: Whether it is found nevertheless, as KerasTuner's Bayesian search needs.
    """
    if "keras" in sys.modules:
        yield
        return
    hidden = not scikit_learn and "sklearn" not in sys.modules
    collects = gc.isenabled()
    gc.disable()
    if hidden:
        # What Python's import system takes for "there is no such module".
        sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["sklearn"]
        gc.freeze()
        if collects:
            gc.enable()
