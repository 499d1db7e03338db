"""The objects fit each other, the image, and the configs that go with them."""

import click
import pytest
import yaml

from components.image import IMAGE
from trimtab.cli import cli
from trimtab.config.config import Config
from trimtab.deploy.serving.limits import Limits

BASICS = {"data": {"train": "sklearn://digits"}, "model": {"architecture": "mlp"}}
PART_OF = "app.kubernetes.io/part-of"


def of(items, kind):
    return [item for item in items if item["kind"] == kind]


def labels(item):
    return item["spec"]["template"]["metadata"]["labels"]


def servers(items):
    """Returns the pods that serve."""
    pods = [item["spec"]["template"]["spec"] for item in of(items, "Deployment")]
    pods += [item["spec"]["predictor"] for item in of(items, "InferenceService")]
    return [pod for pod in pods if pod.get("serviceAccountName") == "trimtab-server"]


def test_all_are_labelled_and_in_one_namespace(build):
    assert {item["metadata"]["labels"][PART_OF] for item in build} == {"trimtab"}
    assert len({item["metadata"].get("namespace") for item in build}) == 1


def test_every_pod_is_under_the_default_deny(build):
    for deployment in of(build, "Deployment"):
        assert labels(deployment)[PART_OF] == "trimtab"
    for service in of(build, "InferenceService"):
        assert service["spec"]["predictor"]["labels"][PART_OF] == "trimtab"
    for policy in of(build, "NetworkPolicy"):
        if policy["metadata"]["name"] == "trimtab-default-deny":
            assert policy["spec"]["podSelector"]["matchLabels"] == {PART_OF: "trimtab"}
            assert sorted(policy["spec"]["policyTypes"]) == ["Egress", "Ingress"]
            assert not {"ingress", "egress"} & policy["spec"].keys()


def test_services_and_policies_find_their_pods_and_ports(build):
    pods = {
        item["metadata"]["name"]: (labels(item), item["spec"]["template"]["spec"])
        for item in of(build, "Deployment")
    }
    for service in of(build, "Service"):
        ((_, pod),) = [one for one in pods.values() if service["spec"]["selector"].items() <= one[0].items()]
        named = {port["name"] for container in pod["containers"] for port in container["ports"]}
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in named
            # Istio reads the protocol off these.
            assert port["name"].startswith("http")
            assert port["appProtocol"] == port["name"]


def test_what_is_referred_to_is_there(build, built):
    # What is applied beside `base` refers to what that has.
    names = {(item["kind"], item["metadata"]["name"]) for item in [*built["base"], *build]}
    for deployment in of(build, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        if account := pod.get("serviceAccountName"):
            assert ("ServiceAccount", account) in names
        for volume in pod["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in names
    for binding in of(build, "RoleBinding"):
        assert ("Role", binding["roleRef"]["name"]) in names
        for subject in binding["subjects"]:
            assert ("ServiceAccount", subject["name"]) in names


def test_roles_are_narrow(build):
    for role in of(build, "Role"):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            if set(rule["resources"]) & {"secrets", "configmaps"}:
                assert rule["resourceNames"]
                assert rule["verbs"] == ["get"]
            assert not {"pods/exec", "serviceaccounts/token", "rolebindings"} & set(rule["resources"])
    assert not of(build, "ClusterRole")
    assert not of(build, "ClusterRoleBinding")


def test_our_pods_run_our_image(built):
    for directory, items in built.items():
        own = IMAGE if directory != "overlays/gke" else f"REGION-docker.pkg.dev/PROJECT/trimtab/{IMAGE}"
        for item in of(items, "Deployment"):
            if item["metadata"]["name"] == "trimtab-tensorboard":
                assert item["spec"]["template"]["spec"]["containers"][0]["image"] == own
        for server in servers(items):
            assert (
                server["containers"][0]["image"] == f"{IMAGE}-serve"
            )  # what `make image TARGET=serve` makes


@pytest.mark.parametrize("directory", ["secured/deployment", "secured/serving"])
def test_a_secured_server_reads_its_files_where_they_are_mounted(built, directory):
    (server,) = servers(built[directory])
    (container,) = server["containers"]
    asked = cli.get_command(None, "serve").make_context("serve", container["args"][1:]).params
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    secrets = {volume["name"]: volume["secret"] for volume in server["volumes"] if "secret" in volume}
    files = {"token_file": "token", "tls_cert": "tls.crt", "tls_key": "tls.key"}
    for option, name in files.items():
        mount = mounts[str(asked[option].parent)]
        assert mount["readOnly"]
        assert asked[option].name == name
        # Readable by the pod's group, which is the volume's.
        assert secrets[mount["name"]]["defaultMode"] == 0o440
    assert server["securityContext"]["fsGroup"] == 1000
    assert {container[probe]["httpGet"]["scheme"] for probe in ("readinessProbe", "livenessProbe")} == {
        "HTTPS"
    }


def test_kserve_takes_the_predictor_as_it_is(built):
    (service,) = built["serving"]
    predictor = service["spec"]["predictor"]
    # A `model` without `storageUri` counts as a server of many models, and gets a container beside it.
    assert "model" not in predictor
    (container,) = predictor["containers"]
    assert container["name"] == "kserve-container"
    assert predictor["serviceAccountName"] in {
        item["metadata"]["name"] for item in of(built["base"], "ServiceAccount")
    }
    (policy,) = (
        item for item in of(built["base"], "NetworkPolicy") if item["metadata"]["name"] == "trimtab-server"
    )
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= predictor["labels"].items()
    claims = {volume.get("persistentVolumeClaim", {}).get("claimName") for volume in predictor["volumes"]}
    assert "trimtab-runs" in claims


def test_the_server_runs_a_command_that_is_there(built):
    (service,) = built["serving"]
    (container,) = service["spec"]["predictor"]["containers"]
    arguments = container["args"]
    serve = cli.get_command(click.Context(cli), arguments[0])
    found = serve.make_context("serve", arguments[1:]).params
    (port,) = container["ports"]
    assert (found["host"], found["port"]) == ("0.0.0.0", port["containerPort"])
    assert found["name"] == service["metadata"]["name"], "KServe's URLs have the name of the InferenceService"
    (models,) = (mount for mount in container["volumeMounts"] if mount["name"] == "models")
    assert arguments[-1].startswith(models["mountPath"])
    # The longest end that docs/serving.md promises, and what is known of probes.
    limits = Limits()
    assert limits.notice_s + limits.drain_s < service["spec"]["predictor"]["terminationGracePeriodSeconds"]
    probes = [container[kind]["httpGet"] for kind in ("readinessProbe", "livenessProbe")]
    assert [probe["path"] for probe in probes] == ["/v2/health/ready", "/v2/health/live"]
    assert {probe["port"] for probe in probes} == {port["containerPort"]}


@pytest.mark.parametrize("overlay", ["kind", "gke"])
def test_the_resources_sections_are_valid(manifests, overlay):
    section = yaml.safe_load((manifests / "overlays" / overlay / "resources.yaml").read_text())
    config = Config.model_validate({**BASICS, **section})
    assert config.resources.stages or config.resources.s3_credentials_secret


def test_gpus_go_to_the_stages_that_use_them(manifests):
    section = yaml.safe_load((manifests / "overlays/gke/resources.yaml").read_text())
    stages = Config.model_validate({**BASICS, **section}).resources.stages
    assert {name for name, own in stages.items() if own.accelerator_count} == {
        "tune",
        "train",
        "prune",
        "quantize",
    }
    assert stages["evaluate"].node_selector == stages["select"].node_selector != {}


def environment(container):
    """Returns the variables of a container; those of a Secret as ``(name, key)``."""
    return {
        one["name"]: one.get("value") or tuple(one["valueFrom"]["secretKeyRef"].values())
        for one in container["env"]
    }


def test_runs_tensorboard_and_the_server_open_the_same_store(manifests, built):
    section = yaml.safe_load((manifests / "overlays/kind/resources.yaml").read_text())
    asked = Config.model_validate({**BASICS, **section}).resources
    (tensorboard,) = of(built["overlays/kind"], "Deployment")
    (server,) = of(built["overlays/kind/serving"], "InferenceService")
    for pod in (tensorboard["spec"]["template"]["spec"], server["spec"]["predictor"]):
        found = environment(pod["containers"][0])
        assert found["AWS_ENDPOINT_URL_S3"] == asked.environment["AWS_ENDPOINT_URL_S3"]
        for name, key in (("AWS_ACCESS_KEY_ID", "accesskey"), ("AWS_SECRET_ACCESS_KEY", "secretkey")):
            assert set(found[name]) == {asked.s3_credentials_secret, key}
        assert not [volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
    runs = environment(tensorboard["spec"]["template"]["spec"]["containers"][0])["LOGS"]
    assert server["spec"]["predictor"]["containers"][0]["args"][-1].startswith(f"{runs}/deployed/")
    assert not of(built["overlays/kind"], "PersistentVolumeClaim")


def test_tensorboard_runs_a_command_that_is_there(built):
    (tensorboard,) = of(built["overlays/kind"], "Deployment")
    (container,) = tensorboard["spec"]["template"]["spec"]["containers"]
    name, *arguments = container["args"]
    found = cli.get_command(click.Context(cli), name).make_context(name, list(arguments)).params
    (port,) = container["ports"]
    assert (found["host"], found["port"], found["wait"]) == ("0.0.0.0", port["containerPort"], True)
    for policy in of(built["overlays/kind"], "NetworkPolicy"):
        if policy["metadata"]["name"] in ("trimtab-tensorboard", "trimtab-server"):
            assert {"to": [{"podSelector": {}}]} in policy["spec"]["egress"]
