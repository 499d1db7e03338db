"""Every object is what the cluster's API says it is, down to a misspelt field."""

import copy
import re

import jsonschema
import kubernetes_validate
import pytest
import yaml
from jsonschema.exceptions import best_match

VERSIONS = ("1.31", "1.35")
CUSTOM = ("serving.kserve.io", "tensorboard.kubeflow.org")


def is_custom(item):
    return item["apiVersion"].partition("/")[0] in CUSTOM


def closed(schema):
    """Returns a CRD's schema as a JSON schema that refuses unknown fields; a cluster drops them silently."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return made


def check(item, definitions):
    """Holds an object against its definition, which itself is not checked: it is a cluster's."""
    schema = closed(definitions[item["apiVersion"], item["kind"]])
    if error := best_match(jsonschema.Draft202012Validator(schema).iter_errors(item)):
        raise error


@pytest.mark.parametrize("version", VERSIONS)
def test_built_in_kinds(build, version):
    for item in build:
        if not is_custom(item):
            kubernetes_validate.validate(item, version, strict=True)


def test_custom_kinds(build, definitions):
    for item in filter(is_custom, build):
        check(item, definitions)


def test_custom_kinds_in_the_documentation(root, definitions):
    blocks = re.findall(r"```yaml\n(apiVersion.*?)```", (root / "docs" / "serving.md").read_text(), re.DOTALL)
    assert blocks
    for item in map(yaml.safe_load, blocks):
        check(item, definitions)


def test_the_checks_find_misspelt_fields(built, definitions):
    service, deployment = (
        copy.deepcopy(next(item for item in built[directory] if item["kind"] == kind))
        for directory, kind in (("serving", "InferenceService"), ("base", "Deployment"))
    )
    service["spec"]["predictor"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(jsonschema.ValidationError, match="readinesProbe"):
        check(service, definitions)
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(deployment, VERSIONS[0], strict=True)


def test_all_kinds_are_covered(built):
    kinds = {item["kind"] for items in built.values() for item in items}
    assert kinds >= {
        "Deployment",
        "InferenceService",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
        "Tensorboard",
    }
