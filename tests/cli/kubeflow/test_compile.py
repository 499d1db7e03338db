"""`trimtab compile`."""

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
