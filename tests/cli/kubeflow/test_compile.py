"""`trimtab compile`."""

import json

import yaml

IMAGE = f"registry.example/trimtab@sha256:{'a' * 64}"


def documents(file):
    return list(yaml.safe_load_all(file.read_text()))


def images(spec):
    return {one["container"]["image"] for one in spec["deploymentSpec"]["executors"].values()}


def test_without_a_config_it_is_the_committed_pipeline(trimtab, tmp_path, root):
    file = tmp_path / "out" / "pipeline.yaml"
    code, out, _ = trimtab("compile", "--output", file)
    assert (code, out) == (0, f"{file}\n")
    assert file.read_text() == (root / "pipelines" / "optimize.yaml").read_text()


def test_it_can_be_piped_on(trimtab, tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    code, out, _ = trimtab("compile", "--output", "-")
    assert code == 0
    assert out == (root / "pipelines" / "optimize.yaml").read_text()
    assert list(tmp_path.iterdir()) == []


def test_the_configs_resources_and_the_image_reach_the_pods(trimtab, tmp_path, config):
    config.write_text(f"{config.read_text()}resources: {{stages: {{train: {{memory: 8Gi}}}}}}\n")
    file = tmp_path / "pipeline.yaml"
    code, _, err = trimtab("compile", config, "--output", file, "--image", IMAGE)
    assert (code, err) == (0, "")
    spec, platform = documents(file)
    assert images(spec) == {IMAGE}
    train = spec["deploymentSpec"]["executors"]["exec-train"]["container"]
    assert train["resources"]["resourceMemoryLimit"] == "8Gi"
    assert "kubernetes" in platform["platforms"]


def test_all_that_the_config_gives_a_pod_is_in_the_compiled_pipeline(trimtab, tmp_path, config):
    resources = {
        "stages": {
            "train": {
                "cpu": "500m",
                "memory": "512Mi",
                "accelerator_type": "nvidia.com/mig-1g.5gb",
                "accelerator_count": 2,
                "node_selector": {"pool": "gpu"},
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
                "shared_memory": "2Gi",
                "timeout_s": 3600,
                "retries": 3,
                "retry_backoff_s": 10,
            }
        },
        "volume": {"claim": "runs", "mount_path": "/trimtab"},
        "environment": {"A": "b"},
        "google_credentials_secret": "key",
        "image_pull_secrets": ["login", "other"],
    }
    config.write_text(f"{config.read_text()}resources: {json.dumps(resources)}\n")
    file = tmp_path / "pipeline.yaml"
    assert trimtab("compile", config, "--output", file, "--image", IMAGE)[0] == 0
    spec, platform = documents(file)
    container = spec["deploymentSpec"]["executors"]["exec-train"]["container"]
    assert (
        container["resources"]["resourceCpuRequest"] == container["resources"]["resourceCpuLimit"] == "500m"
    )
    accelerator = container["resources"]["accelerator"]
    assert (accelerator["resourceType"], accelerator["resourceCount"]) == ("nvidia.com/mig-1g.5gb", "2")
    assert {"name": "A", "value": "b"} in container["env"]
    retry = spec["components"]["comp-optimization"]["dag"]["tasks"]["train"]["retryPolicy"]
    assert (retry["maxRetryCount"], retry["backoffDuration"]) == (3, "10s")
    pod = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-train"]
    assert pod["nodeSelector"]["labels"] == {"pool": "gpu"}
    assert pod["tolerations"] == resources["stages"]["train"]["tolerations"]
    assert pod["emptyDirMounts"][0]["sizeLimit"] == "2Gi"
    assert pod["activeDeadlineSeconds"] == "3600"
    assert (pod["pvcMount"][0]["constant"], pod["pvcMount"][0]["mountPath"]) == ("runs", "/trimtab")
    assert pod["secretAsVolume"][0]["secretName"] == "key"
    assert [one["secretName"] for one in pod["imagePullSecret"]] == ["login", "other"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "runAsUser": "1000"}


def test_an_image_that_can_change_is_warned_of(trimtab, tmp_path):
    code, _, err = trimtab("compile", "--output", tmp_path / "p.yaml", "--image", "trimtab:latest")
    assert code == 0
    assert "trimtab:latest can change" in err


def test_manifests(trimtab, tmp_path):
    file = tmp_path / "pipeline.yaml"
    assert trimtab("compile", "--output", file, "--manifests")[0] == 0
    assert [one["kind"] for one in documents(file)] == ["Pipeline", "PipelineVersion"]


def test_it_compiles_the_same_each_time(trimtab, tmp_path, config):
    for name in ("a", "b"):
        trimtab("compile", config, "--output", tmp_path / name, "--image", IMAGE)
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text()
