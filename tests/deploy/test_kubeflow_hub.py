"""A model registry that is told of champions, is away, slow to begin, or has other people's models."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from deploy import hub as hubs

from trimtab.cli.promote import command as promote_command
from trimtab.cli.rollback import command as rollback_command
from trimtab.deploy import kubeflow_hub, promotion, servable
from trimtab.deploy.kubeflow_hub import announce
from trimtab.deploy.repository import Repository
from trimtab.deploy.switch import promote
from trimtab.errors import TrackingError


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv(kubeflow_hub.TOKEN_FILE, str(tmp_path / "no-token"))
    with hubs.served() as server:
        yield server


@pytest.fixture
def deploy(target, make_selection, schema, monkeypatch):
    """Returns a function that deploys a version of a seed; the fresh process is left out."""
    monkeypatch.setattr(servable, "check", lambda *a: servable.Check())

    def deployed(seed, url, where=target):
        candidate = {
            "id": "none--int8",
            "recipe": [],
            "ok": True,
            "metrics": {"accuracy": 0.9},
            "size_bytes": 1000 + seed,
            "latency_ms": {"p50": 0.25, "p95": 0.4, "p99": 0.5, "threads": 1},
            "drop": {"observed": 0.01, "upper_bound": 0.02, "confidence": 0.95, "examples": 351},
        }
        metadata = {"name": "digits", "run": "s3://runs/one", "verdict": "It is.", "candidate": candidate}
        if url:
            metadata["registry"] = {"kubeflow_hub": url}
        promotion.deploy(where, make_selection(seed), schema, json.dumps(metadata), by="pipeline")
        return Repository(where).location(seed)

    return deployed


def test_a_champion_with_what_is_known_of_it(hub, deploy, target):
    uri = deploy(1, hub.url)
    assert announce(target) == hub.url
    assert [model["name"] for model in hub.models] == ["digits"]
    (version,) = hub.versions
    assert (version["name"], version["externalId"], version["state"]) == ("1", uri, "LIVE")
    assert (version["author"], version["description"]) == ("pipeline", "It is.")
    properties = version["customProperties"]
    assert properties["accuracy"] == {"metadataType": "MetadataDoubleValue", "double_value": 0.9}
    assert properties["drop_upper_bound"]["double_value"] == 0.02
    assert properties["latency_p50_ms"]["double_value"] == 0.25
    assert properties["size_bytes"]["int_value"] == "1001"
    assert properties["proof"]["string_value"] == "It is."
    assert properties["proof_uri"]["string_value"] == f"{uri}/proof.json"
    (artifact,) = hub.artifacts
    assert (artifact["uri"], artifact["modelFormatName"], artifact["of"]) == (uri, "litert", version["id"])


def test_the_champion_is_live_and_those_before_are_archived(hub, deploy, target):
    uris = [deploy(seed, hub.url) for seed in (1, 2, 3)]
    for champion in (3, 1, 2):
        promote(target, champion)
        announce(target)
        states = hub.states()
        assert [uri for uri in uris if states.get(uri) == "LIVE"] == [uris[champion - 1]]
    assert set(hub.states().values()) == {"LIVE", "ARCHIVED"}
    assert len(hub.artifacts) == 3


def test_telling_it_again_changes_nothing(hub, deploy, target):
    deploy(1, hub.url)
    announce(target)
    before = len(hub.requests)
    announce(target)
    assert [asked for asked in hub.requests[before:] if not asked.startswith("GET")] == []


def test_a_registration_that_ended_in_the_middle_goes_on(hub, deploy, target):
    uri = deploy(1, hub.url)
    hub.faults += [0, 0, 0, 0, 0, 0, 500]  # the API, model, its making, version, its making, artifacts
    with pytest.raises(TrackingError, match="answered 500"):
        announce(target)
    assert hub.states() == {uri: "LIVE"}
    assert hub.artifacts == []
    announce(target)
    assert [each["uri"] for each in hub.artifacts] == [uri]


def test_other_peoples_versions_are_left_alone(hub, deploy, target):
    model = hub.answer("POST", "/api/model_registry/v1/registered_models", {}, {"name": "digits"})
    theirs = {"name": "v-a", "registeredModelId": model["id"], "externalId": "s3://theirs/1", "state": "LIVE"}
    hub.answer("POST", "/api/model_registry/v1/model_versions", {}, theirs)
    uri = deploy(1, hub.url)
    announce(target)
    assert hub.states() == {"s3://theirs/1": "LIVE", uri: "LIVE"}


def test_a_version_of_that_name_from_another_repository_is_not_taken_over(hub, deploy, target):
    other = f"{target}-other"
    theirs = deploy(1, hub.url, other)
    announce(other)
    deploy(2, hub.url, target)
    with pytest.raises(TrackingError, match="409"):
        announce(target)
    assert hub.states() == {theirs: "LIVE"}


def test_a_server_that_has_the_older_api_only(hub, deploy, target):
    hub.api = "v1alpha3"
    uri = deploy(1, hub.url)
    announce(target)
    assert hub.states() == {uri: "LIVE"}


def test_what_passes_is_tried_again(hub, deploy, target):
    uri = deploy(1, hub.url)
    hub.faults += [503, 0, 0, 429]
    announce(target)
    assert hub.states() == {uri: "LIVE"}


@pytest.mark.parametrize("metadata", ["{}", '{"registry": {}}', "no JSON"])
def test_nobody_is_told_where_no_hub_is_named(hub, target, make_selection, schema, monkeypatch, metadata):
    monkeypatch.setattr(servable, "check", lambda *a: servable.Check())
    assert announce(target) is None
    made = metadata if metadata.startswith("{") else "{}"
    promotion.deploy(target, make_selection(1), schema, made)
    if made != metadata:
        monkeypatch.setattr(Repository, "metadata", lambda *_: metadata.encode())
    assert announce(target) is None
    assert hub.requests == []


def test_a_hub_that_is_away(deploy, target):
    deploy(1, "http://127.0.0.1:9")
    with pytest.raises(TrackingError) as caught:
        announce(target)
    assert "not told of version 1: it cannot be reached" in str(caught.value)
    assert f"trimtab promote {target} 1" in str(caught.value)


def test_the_token_of_the_pod_goes_to_hosts_of_the_cluster_alone(hub, deploy, target, monkeypatch, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    monkeypatch.setenv(kubeflow_hub.TOKEN_FILE, str(token))
    deploy(1, hub.url)
    announce(target)
    assert hub.tokens == {None}
    assert kubeflow_hub._token("http://model-registry-service.kubeflow.svc:8080") == "secret"
    assert kubeflow_hub._token("https://registry.example.com") == "secret"
    assert kubeflow_hub._token("http://registry.example.com") == ""


def test_the_commands_tell_it(hub, deploy, target):
    first, second = deploy(1, hub.url), deploy(2, hub.url)
    said = CliRunner().invoke(rollback_command, [target])
    assert f"registered as live at {hub.url}" in said.stdout
    assert hub.states() == {first: "LIVE"}
    CliRunner().invoke(promote_command, [target, "2"])
    assert hub.states() == {first: "ARCHIVED", second: "LIVE"}


def test_a_command_that_cannot_tell_it_has_done_its_work_all_the_same(deploy, target):
    deploy(1, "http://127.0.0.1:9")
    deploy(2, "http://127.0.0.1:9")
    said = CliRunner().invoke(rollback_command, [target], standalone_mode=False)
    assert said.return_value == 0
    assert "warning: " in said.stderr
    assert Repository(target).champion().version == 1
