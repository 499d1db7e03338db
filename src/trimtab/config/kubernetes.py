"""What Kubernetes takes as a quantity, a name or a label, so that no cluster refuses a pod for it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"


def _text(pattern: str, expected: str) -> Any:
    """Returns the type of a text that matches a pattern as a whole; what was expected is told in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return Annotated[str, AfterValidator(check), Field(json_schema_extra={"pattern": f"^({pattern})$"})]


def _quantity(pattern: str, expected: str) -> Any:
    """Returns the type of an amount, which may be written as a number too, as Kubernetes has it."""

    def as_text(value: object) -> object:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return str(value) if is_number else value

    schema = {
        "anyOf": [{"type": "string", "pattern": f"^({pattern})$"}, {"exclusiveMinimum": 0, "type": "number"}]
    }
    return Annotated[_text(pattern, expected), BeforeValidator(as_text), WithJsonSchema(schema)]


Cpu = _quantity(
    r"(?!0+(\.0+)?m?$)([0-9]+(\.[0-9]+)?|[0-9]+m)", "a number of cores above 0, such as '4', '0.5' or '500m'"
)
Memory = _quantity(
    r"(?!0+[A-Z])(?!0+$)[0-9]+(Ki|[MGTPE]i?)?", "a whole number of bytes above 0, such as '8Gi' or '512Mi'"
)
ResourceName = _text(
    rf"{_NAME}/{_LABEL}", "the name of an extended resource, such as nvidia.com/gpu or nvidia.com/mig-1g.5gb"
)
LabelKey = _text(rf"({_NAME}/)?{_LABEL}", "the key of a label, such as cloud.google.com/gke-nodepool")
LabelValue = _text(rf"({_LABEL})?", "the value of a label: 63 letters, digits, '-', '_' and '.' at most")
Name = _text(_NAME, "the name of a Kubernetes object: lower-case letters, digits, '-' and '.'")
# Kubeflow names the pod's volume by what is mounted, and such a name is shorter than other objects'.
VolumeName = _text(
    r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "a name of lower-case letters, digits and '-', 63 of them at most"
)
# A host's name is made of it, with what KServe and a trial add, and of a namespace's.
ServiceName = _text(
    r"[a-z]([-a-z0-9]{0,28}[a-z0-9])?", "a letter, and lower-case letters, digits and '-', 30 of them at most"
)
# Kueue takes it from a label, which is shorter than a name may be.
QueueName = _text(
    r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?",
    "a name of lower-case letters, digits, '-' and '.', 63 of them at most",
)
MountPath = _text(r"(?!.*/\.\.?(/|$))(/[^/:]+)+/?", "an absolute path without ':', '.' and '..'")
VariableName = _text(r"[A-Za-z_][A-Za-z0-9_]*", "a name of letters, digits and '_'")
# Argo and KFP take two opening braces for a reference of their own, wherever they are in a workflow.
VariableValue = _text(r"(?![\s\S]*\{\{)[\s\S]*", "a text without two opening braces, which Argo would expand")
