"""A version is tried out by KServe before it is the champion, and what fails there changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import jsonschema
import pytest
import yaml
from deploy.kserve import fake_cluster
from manifests.test_schemas import closed

from trimtab.config.deploy import KServe
from trimtab.config.resources import Resources
from trimtab.deploy import promotion, servable
from trimtab.deploy.kserve.golden import TOKEN
from trimtab.deploy.kserve.service import Service, _canary_addresses
from trimtab.deploy.repository import Repository
from trimtab.errors import DeployError

CANARY = {"mode": "Serverless", "canary": "10 %"}


@pytest.fixture(scope="session")
def validate(root):
    """Returns a function that refuses what is no InferenceService, where its definition is at hand."""
    folder = Path(os.environ.get("TRIMTAB_CRDS", root.parent / "shared" / "crds"))
    if not (folder / "isvc.yaml").is_file():
        return lambda service: None
    (version,) = yaml.load((folder / "isvc.yaml").read_text(), Loader=yaml.CSafeLoader)["spec"]["versions"]
    return jsonschema.Draft202012Validator(closed(version["schema"]["openAPIV3Schema"])).validate


@pytest.fixture
def cluster(tmp_path, monkeypatch, validate):
    kubeconfig = tmp_path / "kubeconfig"
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with fake_cluster.served(kubeconfig) as made:
        made.validate = validate
        yield made


@pytest.fixture
def deploy(target, make_selection, schema, monkeypatch, cluster):
    """Returns a function that deploys a version of a seed; the fresh process is left out."""
    monkeypatch.setattr(servable, "check", lambda *a: servable.Check())

    def deployed(seed, timeout_s=30, **settings):
        named = KServe(name="digits", image="trimtab:1", timeout_s=timeout_s, **settings)
        service = Service(named, Resources(), target, pause_s=0.01)
        made = promotion.deploy(target, make_selection(seed), schema, "{}", gate=service.try_out)
        service.settle(made.version)
        return made

    return deployed


def champion(target):
    found = Repository(target).champion()
    return found.version if found else None


def test_the_first_one_is_tried_out_and_the_service_is_made(deploy, cluster, target):
    deploy(1)
    assert cluster.seen == [
        "create digits-trial",
        "pods digits-trial answers as 1",
        "delete digits-trial",
        "create digits",
        "pods digits answers as 1",
    ]
    assert cluster.args("digits") == ["serve", "--host=0.0.0.0", "--port=8080", "--name=digits", target]
    annotations = cluster.services["digits"]["metadata"]["annotations"]
    assert annotations == {"serving.kserve.io/deploymentMode": "RawDeployment"}


def test_a_server_that_wants_a_token_is_shown_it(deploy, cluster, target, monkeypatch):
    cluster.token = "of-the-server"
    for token, told in (("", "wants a token, and there is none"), ("another", "refuses that token")):
        monkeypatch.setenv(TOKEN, token)
        with pytest.raises(DeployError, match=f"answered 401: it {told} in {TOKEN}") as caught:
            deploy(1, timeout_s=1)
        assert token == "" or token not in str(caught.value)
        assert champion(target) is None
    monkeypatch.setenv(TOKEN, "of-the-server\n")
    made = deploy(1)
    assert champion(target) == made.version


def test_the_next_one_is_followed_without_a_new_pod(deploy, cluster, target):
    deploy(1)
    cluster.seen.clear()
    deploy(2)
    assert cluster.seen == [
        "create digits-trial",
        "pods digits-trial answers as 2",
        "delete digits-trial",
        "pods digits answers as 2",
    ]


@pytest.mark.parametrize("settings", [{}, CANARY])
def test_one_that_answers_differently_never_becomes_the_champion(deploy, cluster, target, settings):
    deploy(1, **settings)
    before = cluster.args("digits")
    cluster.wrong.add(2)
    with pytest.raises(DeployError, match=r"version 2 answered its golden rows .* difference of 1; at most"):
        deploy(2, **settings)
    assert champion(target) == 1
    assert list(cluster.services) == ["digits"]
    assert cluster.args("digits") == before
    assert "canaryTrafficPercent" not in cluster.services["digits"]["spec"]["predictor"]


def test_a_canary_gets_its_share_and_then_all(deploy, cluster, target):
    deploy(1, **CANARY)
    assert cluster.services["digits"]["metadata"]["annotations"] == {
        "serving.kserve.io/deploymentMode": "Serverless",
        "serving.kserve.io/enable-tag-routing": "true",
    }
    cluster.seen.clear()
    deploy(2, **CANARY)
    assert cluster.seen == [
        "update digits 10 %",
        "canary digits answers as 2",
        "update digits",
        "pods digits answers as 2",
    ]
    assert champion(target) == 2
    assert not any(arg.startswith("--version") for arg in cluster.args("digits"))


def test_pods_that_do_not_start_are_told_with_kserves_reason(deploy, cluster, target):
    cluster.broken.add("digits-trial")
    with pytest.raises(DeployError, match="not ready: ImagePullBackOff no image") as caught:
        deploy(1, timeout_s=1)
    assert "kubectl describe inferenceservice -n models digits-trial" in caught.value.hint
    assert champion(target) is None
    assert cluster.services == {}


def test_what_people_have_set_stays(deploy, cluster, target):
    deploy(1)
    predictor = cluster.services["digits"]["spec"]["predictor"]
    predictor["maxReplicas"] = 7
    predictor["containers"][0]["env"] = [{"name": "AWS_REGION", "value": "eu"}]
    predictor["containers"][0]["args"] = ["serve", "--token-file=/secret/token", "--name=x", "elsewhere"]
    deploy(2)
    predictor = cluster.services["digits"]["spec"]["predictor"]
    assert (predictor["maxReplicas"], predictor["minReplicas"]) == (7, 1)
    assert predictor["containers"][0]["env"] == [{"name": "AWS_REGION", "value": "eu"}]
    assert predictor["containers"][0]["args"] == [
        "serve",
        "--token-file=/secret/token",
        "--name=digits",
        target,
    ]


def test_a_change_that_somebody_else_was_faster_than_is_made_again(deploy, cluster, target):
    deploy(1, **CANARY)
    cluster.conflicts = 2
    deploy(2, **CANARY)
    assert champion(target) == 2


def test_one_that_is_changed_all_the_time(deploy, cluster, target):
    deploy(1, **CANARY)
    cluster.conflicts = 1000
    with pytest.raises(DeployError, match="changed by others"):
        deploy(2, **CANARY)
    assert champion(target) == 1


def test_a_trial_that_a_killed_run_left_is_made_anew(deploy, cluster, target):
    cluster.looks = 3
    deploy(1)
    cluster.answer("POST", None, {**cluster.services["digits"], "metadata": {"name": "digits-trial"}})
    deploy(2)
    assert list(cluster.services) == ["digits"]
    assert champion(target) == 2


def test_a_service_of_another_kind_is_not_touched(deploy, cluster, target):
    model = {"modelFormat": {"name": "tensorflow"}, "storageUri": "gs://bucket/model"}
    theirs = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "digits"},
        "spec": {"predictor": {"model": model}},
    }
    cluster.answer("POST", None, theirs)
    with pytest.raises(DeployError, match="no container kserve-container"):
        deploy(1)
    assert cluster.services["digits"]["spec"] == theirs["spec"]


@pytest.mark.parametrize("args", [["sh", "-c", "trimtab serve /x"], ["serve", "--name", "x", "/x"], []])
def test_arguments_that_are_not_understood_are_not_replaced(deploy, cluster, target, args):
    deploy(1)
    cluster.services["digits"]["spec"]["predictor"]["containers"][0]["args"] = args
    with pytest.raises(DeployError, match="other arguments than"):
        deploy(2)
    assert cluster.args("digits") == args
    assert champion(target) == 1


@pytest.mark.parametrize(("method", "what"), [("GET", "look at digits"), ("POST", "create digits-trial")])
def test_a_role_that_does_not_allow_it(deploy, cluster, target, method, what):
    cluster.denied.add(method)
    with pytest.raises(DeployError, match=f"did not {what} in models: it answered 403") as caught:
        deploy(1)
    assert "manifests/kserve" in caught.value.hint
    assert champion(target) is None


def test_before_a_run_begins(cluster, target):
    with pytest.raises(DeployError, match="no image to make it of"):
        Service(KServe(name="digits"), Resources(), target).check()
    Service(KServe(name="digits", image="trimtab:1"), Resources(), target).check()
    cluster.denied.add("GET")
    with pytest.raises(DeployError, match="403"):
        Service(KServe(name="digits", image="trimtab:1"), Resources(), target).check()


def test_no_cluster(tmp_path, monkeypatch):
    missing = str(tmp_path / "none")
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", missing)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(DeployError, match="no Kubernetes cluster is known here"):
        Service(KServe(name="digits"), Resources(), str(tmp_path))


def test_a_canary_is_reached_by_its_tag_in_the_cluster_first():
    url = "http://latest-digits-predictor.models.example.com"
    traffic = [{"latestRevision": True, "url": url}, {"revisionName": "old", "url": "http://old"}]
    service = {"status": {"components": {"predictor": {"traffic": traffic}}}}
    near = "http://latest-digits-predictor.models.svc.cluster.local"
    assert _canary_addresses(service, "models") == [near, url]
    assert _canary_addresses({}, "models") == []
