"""Who may ask: tokens and TLS."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from trimtab.deploy.serving.access import Access
from trimtab.errors import ConfigError

INFER = "/v2/models/digits/infer"
ZEROS = {"inputs": [{"name": "input", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.0] * 64}]}


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """Returns a certificate for this machine, its key, and another key."""
    folder = tmp_path_factory.mktemp("pem")
    for name in ("own", "other"):
        command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout {name}.key -out {name}.pem"
        whose = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
        subprocess.run(
            f"{command} {whose}".split(),
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return folder / "own.pem", folder / "own.key", folder / "other.key"


@pytest.fixture
def token(tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    return file


def test_requests_need_the_token_and_those_for_health_do_not(start, digits_template, token):
    server = start(digits_template.target, token_file=token).ready()
    for headers in ({}, {"Authorization": "Bearer second"}, {"Authorization": "first"}):
        answer = server.post(INFER, ZEROS, headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "first" not in answer.body.decode()
    assert server.get("/metrics").status == 401
    assert server.get("/v2").status == 401
    assert server.get("/v2/health/live").status == 200
    assert server.post(INFER, ZEROS, {"Authorization": "Bearer first"}).status == 200
    assert "first" not in server.log


def test_a_token_that_is_replaced_counts_without_a_restart(start, digits_template, token, eventually):
    server = start(digits_template.target, token_file=token).ready()
    token.unlink()
    assert server.post(INFER, ZEROS, {"Authorization": "Bearer first"}).status == 200
    token.write_text("second\n")
    eventually(lambda: server.post(INFER, ZEROS, {"Authorization": "Bearer second"}).status == 200)
    assert server.post(INFER, ZEROS, {"Authorization": "Bearer first"}).status == 401


def test_tls(start, digits_template, pem, eventually):
    certificate, key, _ = pem
    server = start(digits_template.target, certificate=certificate, key=key)
    trusted = ssl.create_default_context(cafile=str(certificate))
    url = f"https://127.0.0.1:{server.port}"

    def get(path, body=None):
        return urllib.request.urlopen(urllib.request.Request(url + path, body), context=trusted, timeout=60)

    def is_ready():
        with contextlib.suppress(urllib.error.HTTPError):
            return get("/v2/health/ready")

    eventually(is_ready)
    with get(INFER, json.dumps(ZEROS).encode()) as answer:
        assert json.load(answer)["model_version"] == "2"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"token_file": "missing"}, r"missing: --token-file: cannot be read"),
        ({"token_file": "empty"}, r"empty: --token-file: expected a token in one line"),
        ({"certificate": "own"}, r"--tls-key: a certificate and its key are given together"),
        ({"key": "own"}, r"--tls-cert: a certificate and its key"),
        ({"certificate": "missing", "key": "own"}, r"missing: --tls-cert: cannot be read"),
        ({"certificate": "empty", "key": "own"}, r"--tls-cert: expected a PEM certificate"),
        (
            {"certificate": "own", "key": "other"},
            r"--tls-cert: expected a PEM certificate and the private key of it",
        ),
    ],
)
def test_files_that_cannot_be_used_are_told_before_the_start(tmp_path, pem, given, words):
    (tmp_path / "empty").write_text("")
    own, key, other = pem
    files = {"missing": tmp_path / "missing", "empty": tmp_path / "empty", "other": other}
    files_of = {
        name: {"own": own if name == "certificate" else key, **files}[file] for name, file in given.items()
    }
    with pytest.raises(ConfigError, match=words):
        Access(**files_of).check()


def test_the_command_tells_it(tmp_path, digits_template):
    command = [sys.executable, "-m", "trimtab", "serve", str(digits_template.target), "--port=0"]
    done = subprocess.run(
        [*command, "--token-file", tmp_path / "missing"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "--token-file: cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("host", "protected", "expected"),
    [
        ("127.0.0.1", False, False),
        ("::1", False, False),
        ("0.0.0.0", False, True),
        ("0.0.0.0", True, False),
        ("192.0.2.1", False, True),
    ],
)
def test_an_open_server_is_known(tmp_path, host, protected, expected):
    file = tmp_path / "file"
    assert Access(*[file if protected else None] * 3).is_open(host) is expected
