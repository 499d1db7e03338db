"""Kubeflow Pipelines' own store: what its ConfigMap says reaches the pods, unless the config says it."""

from __future__ import annotations

import json

import pytest
import yaml

from trimtab.cli.kubeflow import launcher
from trimtab.cli.kubeflow.launcher import Store, output, store

PROVIDERS = """\
s3:
  default:
    endpoint: s3.amazonaws.com
    region: us-east-2
    credentials: {fromEnv: false, secretRef: {secretName: aws, accessKeyKey: id, secretKeyKey: key}}
  overrides:
  - {bucketName: mine, keyPrefix: runs/, endpoint: store.example.com, credentials: {fromEnv: true}}
  - bucketName: mine
    keyPrefix: runs/long
    endpoint: "http://near:9000"
    region: here
    credentials: {secretRef: {secretName: near, accessKeyKey: accesskey, secretKeyKey: secretkey}}
minio:
  default:
    endpoint: seaweedfs.kubeflow.svc.cluster.local:9000
    disableSSL: true
    region: minio
    credentials:
      secretRef: {secretName: mlpipeline-minio-artifact, accessKeyKey: accesskey, secretKeyKey: secretkey}
"""
HELD = {"providers": PROVIDERS, "defaultPipelineRoot": "minio://mlpipeline/v2/artifacts"}
NEAR = "http://seaweedfs.kubeflow.svc.cluster.local:9000"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("minio://mlpipeline/runs", Store(NEAR, "minio", "mlpipeline-minio-artifact")),
        ("s3://theirs/runs", Store("", "us-east-2", "aws", ("id", "key"))),
        ("s3://mine/runs", Store("https://store.example.com")),
        ("s3://mine/runs/long/er", Store("http://near:9000", "here", "near")),
        ("s3://mine/elsewhere", Store("", "us-east-2", "aws", ("id", "key"))),
    ],
)
def test_how_a_bucket_is_reached(uri, expected):
    assert store(HELD, uri) == expected


@pytest.mark.parametrize(
    "providers", ["", "{", "[1]", "s3: text", "s3: {default: text}", "s3: {overrides: [1]}"]
)
def test_what_says_nothing_leaves_the_secret_that_kfp_makes(providers):
    held = {"providers": providers} if providers else {}
    assert store(held, "s3://bucket/runs") == Store()
    assert store(held, "minio://bucket/runs") == Store(secret="mlpipeline-minio-artifact")


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("minio://mlpipeline/v2/artifacts", "minio://mlpipeline/v2/artifacts/trimtab/runs"),
        ("s3://bucket/root/?region=eu", "s3://bucket/root/trimtab/runs"),
        ("", None),
    ],
)
def test_where_runs_are_kept(root, expected):
    assert output({"defaultPipelineRoot": root}) == expected


@pytest.fixture
def held(monkeypatch):
    """Lets the cluster say what the test puts in, and returns that."""
    content: dict[str, str] = {}
    monkeypatch.setattr(launcher, "launcher", lambda namespace: content)
    return content


def submitted(server):
    (made,) = server.tables["runs"]
    arguments = made["runtime_config"]["parameters"]
    return arguments["output"], json.loads(arguments["config"]).get("resources", {})


def test_without_an_output_runs_go_to_kubeflows_own_store(run, server, held):
    held.update(HELD)
    code, _, err = run("--no-wait", output="runs")
    assert code == 0, err
    place, resources = submitted(server)
    assert place == "minio://mlpipeline/v2/artifacts/trimtab/runs"
    assert resources["environment"] == {"AWS_ENDPOINT_URL_S3": NEAR, "AWS_REGION": "minio"}
    assert resources["s3_credentials_secret"] == "mlpipeline-minio-artifact"
    assert "pods get AWS_ENDPOINT_URL_S3" in err
    platform = list(yaml.safe_load_all(server.packages[-1]))[1]
    assert "mlpipeline-minio-artifact" in json.dumps(platform)


def test_minio_needs_nothing_to_be_set_where_the_cluster_says_nothing(run, server, held):
    assert run("--no-wait", output="minio://mlpipeline/runs")[0] == 0
    place, resources = submitted(server)
    assert (place, resources["s3_credentials_secret"]) == (
        "minio://mlpipeline/runs",
        "mlpipeline-minio-artifact",
    )


@pytest.mark.parametrize(
    "setting", ["resources.s3_credentials_secret=mine", "resources.environment.AWS_REGION=eu"]
)
def test_what_the_config_says_goes_before(run, server, held, setting):
    held.update(HELD)
    assert run("--no-wait", "--set", setting, output="minio://mlpipeline/runs")[0] == 0
    resources = submitted(server)[1]
    assert resources in ({"s3_credentials_secret": "mine"}, {"environment": {"AWS_REGION": "eu"}})


def test_without_a_cluster_or_a_root_an_output_is_asked_for(run, held):
    code, _, err = run("--no-wait", output="runs")
    assert code == 2
    assert "pods cannot reach 'runs'" in err


def test_no_cluster_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert launcher.launcher(None) == {}
