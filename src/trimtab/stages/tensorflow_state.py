"""Whether TensorFlow has begun to run in this process, which it does not publish.

What is imported can be forked; what has started threads cannot. ``tests/stages/test_tensorflow_state.py``
holds it against the installed TensorFlow.
"""

from __future__ import annotations

import sys


def has_begun() -> bool:
    """Returns whether TensorFlow has started its devices and threads; it is not imported to be asked."""
    module = sys.modules.get("tensorflow.python.eager.context")
    context = getattr(module, "_context", None)
    return context is not None and bool(context._initialized)
