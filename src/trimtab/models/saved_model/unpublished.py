"""What TensorFlow does not publish, and a SavedModel takes; docs/upgrade.md has it."""

from __future__ import annotations

from typing import Any

from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def all_operations() -> Any:
    """Returns the definition of each operation that TensorFlow registers, an ``OpDef`` each."""
    known = op_def_pb2.OpList()
    known.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return known.op


def inlined(function: Any) -> Any:
    """Returns a function of constants alone, with those that it calls put where they are called.

    Args:
        function: Without variables, as ``tf.compat.v1.wrap_function`` makes one.
    """
    return convert_variables_to_constants_v2(function, lower_control_flow=False)
