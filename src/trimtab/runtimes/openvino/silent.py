"""OpenVINO, without what it tells its makers.

OpenVINO's converter and NNCF report to Google Analytics what they are used for, from the first use on and
without asking. They do without where their reporter is not installed, which is what they find here. Everybody
in this room takes ``ov`` from here.
"""

from __future__ import annotations

import sys

# What Python's import system takes for "there is no such module".
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # noqa: E402

__all__ = ["ov"]
