import os
import subprocess
import sys

import pytest

from trimtab.cli import main

DIGEST = f"sha256:{'0a' * 32}"


@pytest.fixture
def compiled(tmp_path, capsys):
    """Returns a function that compiles for an image; it returns the exit code, the errors and the YAML."""

    def run(image):
        with pytest.raises(SystemExit) as stopped:
            main(["compile", "--output", str(tmp_path / "p.yaml"), "--image", image])
        file = tmp_path / "p.yaml"
        return stopped.value.code, capsys.readouterr().err, file.read_text() if file.exists() else None

    return run


@pytest.mark.parametrize(
    "image",
    [
        f"trimtab@{DIGEST}",
        f"localhost:5000/team/trimtab@{DIGEST}",
        f"registry.example:443/a_b/trim--tab:0.1.0-gpu@{DIGEST}",
        f"[::1]:5000/trimtab@{DIGEST}",
        f"Registry.Example/trimtab@sha512:{'0a' * 64}",
    ],
)
def test_an_image_with_a_digest_reaches_the_pods_as_it_is(compiled, image):
    code, err, text = compiled(image)
    assert (code, err) == (0, "")
    assert f"image: {image}\n" in text.replace("'", "")


@pytest.mark.parametrize(
    "image",
    [
        "",
        "a b",
        "UPPER",
        "trimtab:",
        "http://registry.example/trimtab",
        "registry.example/trimtab\n",
        "{{image}}",
        f"@{DIGEST}",
        "trimtab@sha256:",
        "trimtab@sha256:0a0a",
        f"trimtab@{DIGEST.upper()}",
        f"trimtab@{DIGEST}:0.1.0",
        f"trimtab:{'1' * 129}",
    ],
)
def test_what_names_no_image_is_refused_and_nothing_is_written(compiled, image):
    code, err, text = compiled(image)
    assert (code, text) == (2, None)
    assert f"'--image': {image!r} names no image; expected" in " ".join(err.split())


def test_an_empty_variable_is_none_at_all():
    code = "from components.image import IMAGE; print(IMAGE)"
    environment = {**os.environ, "TRIMTAB_IMAGE": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("trimtab:")
