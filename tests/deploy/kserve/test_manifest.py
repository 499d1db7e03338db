"""The InferenceService that is made, as Kubernetes' own pods are checked."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trimtab.config.deploy import KServe
from trimtab.config.resources import Resources
from trimtab.deploy.kserve import manifest
from trimtab.errors import DeployError


def test_the_server_gets_what_runs_get():
    resources = Resources.model_validate(
        {
            "volume": {"claim": "runs"},
            "environment": {"AWS_ENDPOINT_URL_S3": "http://seaweedfs:9000"},
            "s3_credentials_secret": "mlpipeline-minio-artifact",
            "google_credentials_secret": "gcp",
            "image_pull_secrets": ["registry"],
            "secret_variables": {"SLACK_URL": "notify"},
        }
    )
    settings = KServe(name="digits", image="trimtab:1", service_account="trimtab-server")
    predictor = manifest.inference_service(settings, resources, "/trimtab/deployed/digits")["spec"][
        "predictor"
    ]
    (container,) = predictor["containers"]
    assert {one["name"]: one.get("value") for one in container["env"]} == {
        "AWS_ENDPOINT_URL_S3": "http://seaweedfs:9000",
        "AWS_ACCESS_KEY_ID": None,
        "AWS_SECRET_ACCESS_KEY": None,
        "GOOGLE_APPLICATION_CREDENTIALS": "/var/run/secrets/trimtab-gcp/key.json",
    }
    assert {mount["name"] for mount in container["volumeMounts"]} == {"tmp", "models", "google"}
    assert {volume["name"] for volume in predictor["volumes"]} == {"tmp", "models", "google"}
    assert (predictor["serviceAccountName"], predictor["imagePullSecrets"]) == (
        "trimtab-server",
        [{"name": "registry"}],
    )
    assert container["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_without_an_image_there_is_nothing_to_make_it_of():
    with pytest.raises(DeployError) as caught:
        manifest.inference_service(KServe(name="digits"), Resources(), "/deployed")
    assert caught.value.field == "deploy.kserve.image"


@pytest.mark.parametrize(("given", "percent"), [("10 %", 10), ("5%", 5), (25, 25)])
def test_a_share_in_percent(given, percent):
    assert KServe(name="digits", mode="Serverless", canary=given).canary == percent


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"canary": 10}, "only works with mode: Serverless"),
        ({"mode": "Serverless", "canary": "100 %"}, "less than or equal to 99"),
        ({"mode": "Serverless", "canary": "ten"}, "integer"),
        ({"name": "Digits"}, "lower-case"),
        ({"name": "d" * 40}, "30 of them"),
    ],
)
def test_what_cannot_be_meant(given, words):
    with pytest.raises(ValidationError, match=words):
        KServe.model_validate({"name": "digits", **given})
