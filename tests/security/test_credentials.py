"""The key of a service account, and the token that it gets, are nowhere but where the user put them."""

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from faults.emulator import TOKEN
from faults.proxy import Fault

from trimtab.storage.store import open_store

pytestmark = pytest.mark.slow

CONFIG = """\
name: planted
data: {train: "gs://bucket/data/rows.csv", label: kind}
model: {architecture: mlp}
tune: null
train: {epochs: 1}
recipes: [{prune: none, quantize: [none]}]
budget: {max_accuracy_drop: 0.9}
deploy: {target: "gs://bucket/models/planted"}
resources: {google_credentials_secret: trimtab-gcp}
"""
ROWS = "a,b,kind\n" + "".join(f"{i * 0.37 % 5:.3f},{i % 7},{'yes' if i % 2 else 'no'}\n" for i in range(200))


@pytest.fixture
def key(tmp_path, emulator):
    """Returns the key file of a service account that gets its tokens from the emulator."""
    private = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    content = {
        "type": "service_account",
        "project_id": "planted",
        "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": private.decode(),
        "client_email": "planted@planted.iam.gserviceaccount.com",
        "token_uri": f"{emulator.url}/token",
    }
    file = tmp_path / "secret" / "key.json"
    file.parent.mkdir()
    file.write_text(json.dumps(content))
    return file


@pytest.fixture
def trimtab(tmp_path, emulator, key, monkeypatch):
    """Returns a function that runs a command as that service account, and returns all that it printed."""
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    # An emulator takes no credentials; this is another endpoint of the real service.
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    environment = os.environ | {
        "API_ENDPOINT_OVERRIDE": emulator.url,
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TMPDIR": str(home / "tmp"),
    }

    def trimtab(*arguments, code=0):
        command = [sys.executable, "-m", "trimtab", *arguments]
        done = subprocess.run(command, cwd=home, env=environment, capture_output=True, timeout=300)
        assert done.returncode == code, done.stderr.decode()
        return done.stdout + done.stderr

    return trimtab


def needles(key):
    """Returns what must not be found: the token, the key's id, and every line of the key, also encoded."""
    content = json.loads(key.read_bytes())
    secrets = [TOKEN, content["private_key_id"], *content["private_key"].splitlines()[1:-1]]
    return [needle for secret in secrets for needle in (secret.encode(), *encoded(secret.encode()))]


def encoded(secret):
    """Returns what base64 makes of a secret wherever it begins, but for what depends on the rest."""
    for before, first in ((0, 0), (1, 2), (2, 3)):
        yield base64.b64encode(bytes(before) + secret)[first:-4]


def found_in(contents, key):
    """Returns the names of contents that hold any of the secrets."""
    return [name for name, content in contents.items() if any(needle in content for needle in needles(key))]


def written(emulator, home):
    """Returns everything that is stored, here and there."""
    files = {str(file): file.read_bytes() for file in home.rglob("*") if file.is_file()}
    described = {
        name: json.dumps(stored.meta).encode() for name, stored in emulator.state.objects["bucket"].items()
    }
    return (
        files
        | emulator.contents("bucket")
        | {f"metadata of {name}": meta for name, meta in described.items()}
    )


def test_a_key_and_its_token_stay_where_they_are(trimtab, key, emulator, tmp_path):
    home = tmp_path / "home"
    (home / "config.yaml").write_text(CONFIG)
    emulator.state.put("bucket", {"name": "data/rows.csv"}, ROWS.encode())
    printed = {
        "run": trimtab("run", "config.yaml", "--output", "gs://bucket/runs"),
        "retrain": trimtab("retrain", "config.yaml", "--output", "gs://bucket/runs"),
        "predict": trimtab("predict", "gs://bucket/models/planted", "--input", "gs://bucket/data/*.csv"),
        "compile": trimtab("compile", "config.yaml", "--output", "pipeline.yaml"),
        "plan": trimtab(
            "run",
            "config.yaml",
            "--runner",
            "kubeflow",
            "--output",
            "gs://bucket/runs",
            "--dry-run",
            "--json",
        ),
        "denied": trimtab("report", "gs://elsewhere/runs/1", code=2),
    }
    assert emulator.authorizations == {f"Bearer {TOKEN}"}, "the planted key was not used"
    assert b"trimtab-gcp" in (home / "pipeline.yaml").read_bytes()
    stored = written(emulator, home)
    assert any(name.endswith("run.log") for name in stored)
    assert any("/store/" in name and name.endswith(".keras") for name in stored)
    assert found_in(printed | stored, key) == []


def test_an_unusable_key_is_told_without_being_shown(trimtab, key, emulator, tmp_path):
    content = json.loads(key.read_bytes())
    key.write_text(json.dumps({**content, "token_uri": f"{emulator.url}/nowhere"}))
    told = trimtab("report", "gs://bucket/runs/1", code=2)
    assert b"there are no usable credentials" in told
    assert found_in({"refused": told}, key) == []
    key.write_text(json.dumps({**content, "private_key": content["private_key"][:500]}))
    told = trimtab("report", "gs://bucket/runs/1", code=2)
    assert found_in({"damaged": told}, key) == []


class Metadata(BaseHTTPRequestHandler):
    """Answers as the metadata server of a pod does."""

    ANSWERS = {
        "token": {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600},
        "recursive": {"email": "a@b", "scopes": [], "aliases": ["default"]},
    }

    def log_message(self, *_):
        pass

    def do_GET(self):
        found = [answer for part, answer in self.ANSWERS.items() if part in self.path]
        self.send_response(404 if "universe" in self.path else 200)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Type", "application/json" if found else "text/plain")
        self.end_headers()
        self.wfile.write(json.dumps(found[0]).encode() if found else b"")


def test_workload_identity_may_be_ready_later_than_the_pod(emulator, monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    pod = {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "HOME": str(tmp_path),
        "API_ENDPOINT_OVERRIDE": emulator.url,
    }
    place = {"GCE_METADATA_HOST": f"127.0.0.1:{port}", "GCE_METADATA_IP": f"127.0.0.1:{port}"}
    script = "from trimtab.storage.store import write; write('gs://bucket/x', b'1')"
    with subprocess.Popen([sys.executable, "-c", script], env={**os.environ, **pod, **place}) as process:
        time.sleep(6)  # the client of tokens alone gives up after three
        with ThreadingHTTPServer(("127.0.0.1", port), Metadata) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            assert process.wait(60) == 0
            server.shutdown()
    assert emulator.contents("bucket") == {"x": b"1"}


def test_who_hands_out_tokens_may_fail_for_a_while(key, emulator, proxy, monkeypatch):
    key.write_text(json.dumps({**json.loads(key.read_bytes()), "token_uri": f"{proxy.url}/token"}))
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("API_ENDPOINT_OVERRIDE", emulator.url)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    proxy.spoil(Fault("503", "/token", times=4))  # one more than the client of tokens tries by itself
    open_store("gs://bucket").write("x", b"1")
    assert emulator.contents("bucket") == {"x": b"1"}
    assert len(proxy.spoiled) == 4


@pytest.mark.parametrize("secret", ["token", "line", "base64"])
def test_a_leak_would_be_found(key, emulator, tmp_path, secret):
    line = json.loads(key.read_bytes())["private_key"].splitlines()[3]
    leak = {"token": TOKEN, "line": f'"{line}\\n"', "base64": base64.b64encode(key.read_bytes()).decode()}[
        secret
    ]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "run.log").write_text(f"environment: {leak}")
    emulator.state.put("bucket", {"name": "runs/1/config.json"}, leak.encode())
    found = found_in(written(emulator, tmp_path / "home"), key)
    assert len(found) == 2
