"""What a user is told when the server cannot be used, and where the settings come from."""

import os
import socket
import time
from pathlib import Path

import kfp
import pytest

from trimtab.cli.kubeflow import settings
from trimtab.errors import ConfigError


@pytest.fixture
def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_nothing_listens(trimtab, free_port):
    start = time.monotonic()
    code, out, err = trimtab("status", "--host", f"http://127.0.0.1:{free_port}")
    assert (code, out) == (1, "")
    assert f"http://127.0.0.1:{free_port}: cannot be reached" in err
    assert "kubectl port-forward" in err
    assert time.monotonic() - start < 30


def test_no_such_host(trimtab):
    code, _, err = trimtab("status", "--host", "http://no-such-host.invalid")
    assert code == 1
    assert "cannot be reached" in err


def test_no_server_is_named(trimtab, monkeypatch):
    monkeypatch.delenv("TRIMTAB_KFP_HOST")
    code, _, err = trimtab("status")
    assert code == 2
    assert "no Kubeflow Pipelines server is named" in err


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 401}, "the login is missing or has expired"),
        ({"status": 403, "body": b"RBAC: access denied"}, "this is not allowed"),
        ({"status": 302, "headers": {"Location": "/dex/auth"}}, "it wants a login in the browser first"),
        ({"status": 404, "body": b"404 page not found"}, "this is no Kubeflow Pipelines server"),
        ({"status": 200, "body": b"<html>Welcome</html>"}, "this is no Kubeflow Pipelines server"),
        ({"status": 200, "body": b"null"}, "this is no Kubeflow Pipelines server"),
        ({"status": 200, "body": b"[]"}, "this is no Kubeflow Pipelines server"),
        ({"status": 400}, "the server refuses (400): the database is away"),
        ({"status": 500}, "the server keeps failing (500): the database is away"),
        ({"status": 503, "body": b"upstream connect error"}, "the server keeps failing (503)"),
        ({"delay": 0.8}, "no answer within 0.4 seconds"),
        ({}, "the connection broke"),
    ],
)
def test_a_server_that_fails_for_good(trimtab, server, fault, words):
    server.fail("healthz", times=10_000, **fault)
    code, out, err = trimtab("status")
    assert (code, out) == (1, "")
    assert f"error: {server.url}: {words}" in err
    assert "Traceback" not in err
    assert err.count("\n") <= 3


def test_no_secure_connection(trimtab, server):
    code, _, err = trimtab("status", "--host", server.url.replace("http:", "https:"))
    assert code == 1
    assert "no secure connection" in err
    assert "TRIMTAB_KFP_CA_FILE" in err


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"delay": 0.8}, {}])
def test_a_failure_that_passes_is_not_seen(trimtab, server, fault):
    server.fail("healthz", times=1, **fault)
    server.fail("GET .*/runs", times=1, **fault)
    code, _, err = trimtab("status")
    assert code == 0, err


def test_a_server_of_many_users_needs_a_namespace(trimtab, server):
    server.multi_user = True
    code, _, err = trimtab("status")
    assert code == 2
    assert "which namespace?" in err
    assert trimtab("status", "--namespace", "team")[0] == 0


def test_a_token_is_sent(trimtab, server, monkeypatch):
    server.tokens = {"right"}
    assert trimtab("status")[0] == 1
    monkeypatch.setenv("TRIMTAB_KFP_TOKEN", "right")
    assert trimtab("status")[0] == 0
    assert trimtab("status", "--token", "wrong")[0] == 1


@pytest.mark.parametrize("token", ["s3crét", "s3\ncret", "s3 cret"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(trimtab, server, tmp_path, token):
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    for options, place in (
        (["--token", token], "--token or TRIMTAB_KFP_TOKEN"),
        (["--token-file", file], file),
    ):
        code, out, err = trimtab("status", *options)
        assert (code, out) == (2, "")
        assert err == f"error: {place}: the token cannot be sent: expected one word of ASCII\n"
    assert server.calls == []


@pytest.mark.parametrize(
    "host",
    [
        "http://",
        "http://a b",
        "http://a:99999",
        "http://[::1",
        "http://user:s3cret@a",
        "https://a/pipeline/#/runs",
        "https://a/?x=1",
    ],
)
def test_an_address_that_cannot_be_one(trimtab, server, host):
    code, _, err = trimtab("status", "--host", host)
    assert code == 2
    assert "expected an http:// or https:// address" in err
    assert "s3cret" not in err


def test_an_address_may_be_written_carelessly():
    for host in (" https://A/pipeline/ ", "HTTPS://A/pipeline", "A/pipeline"):
        assert settings.resolve(host=host, environment={}).host == "https://A/pipeline"
    assert settings.resolve(host="http://[::1]:8888/", environment={}).host == "http://[::1]:8888"


def test_the_clients_own_context_and_environment_are_left_alone(trimtab, server):
    assert trimtab("status")[0] == 0
    assert not (Path.home() / ".config" / "kfp").exists()


@pytest.mark.parametrize(
    "context",
    [
        "{",
        "[]",
        '{"client_authentication_header_name": "x-login", "client_authentication_header_value": "s"}',
    ],
)
def test_what_the_client_takes_from_elsewhere_is_not_taken(trimtab, server, monkeypatch, tmp_path, context):
    file = tmp_path / "context.json"
    file.write_text(context)
    monkeypatch.setattr(kfp.Client, "_LOCAL_KFP_CONTEXT", str(file))
    monkeypatch.setenv("KF_PIPELINES_IAP_OAUTH2_CLIENT_ID", "of-another-server")
    code, _, err = trimtab("status", "--token", "own")
    assert code == 0, err
    assert {one["authorization"] for one in server.headers} == {"Bearer own"}
    assert not any("x-login" in one for one in server.headers)


def test_a_proxy_of_the_environment_is_used(trimtab, server, monkeypatch):
    for name in ("HTTP_PROXY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    elsewhere = "http://kfp.invalid:8888/pipeline"
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "me:pass%40word@"))
    assert trimtab("status", "--host", server.url)[0] == 0  # this machine needs none
    assert "proxy-authorization" not in server.headers[-1]
    code, _, err = trimtab("status", "--host", elsewhere)
    assert "this is no Kubeflow Pipelines server" in err  # the proxy answered
    assert server.headers[-1]["proxy-authorization"] == "Basic bWU6cGFzc0B3b3Jk"
    monkeypatch.setenv("no_proxy", "kfp.invalid")
    assert "cannot be reached" in trimtab("status", "--host", elsewhere)[2]
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", "socks5://me:s3cret@a:1")
    code, _, err = trimtab("status", "--host", elsewhere)
    assert code == 2
    assert "socks5://a:1: HTTP_PROXY: expected the http:// or https:// address of a proxy" in err


def profile(text):
    file = settings.PROFILES.expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_every_setting_comes_from_the_first_place_that_has_it(tmp_path):
    profile(
        "default: {host: https://a/pipeline/, namespace: a, token_file: /a}\nkind: {host: 'http://b:1'}\n"
    )
    found = settings.resolve(environment={})
    assert (found.host, found.namespace, found.token.file) == ("https://a/pipeline", "a", Path("/a"))
    assert settings.resolve(profile="kind", environment={}).host == "http://b:1"
    environment = {"TRIMTAB_KFP_NAMESPACE": "e", "TRIMTAB_KFP_TOKEN_FILE": "/e"}
    found = settings.resolve(environment=environment)
    assert (found.host, found.namespace, found.token.file) == ("https://a/pipeline", "e", Path("/e"))
    found = settings.resolve(namespace="f", token="t", environment=environment)
    assert (found.namespace, found.token.read()) == ("f", "t")


def test_a_stored_token_goes_to_its_own_host_only():
    profile("default: {host: https://a, token_file: /a, ca_file: /dev/null/none}\n")
    found = settings.resolve(host="https://elsewhere", environment={})
    assert (found.token.file, found.ca_file) == (None, None)
    profile("default: {host: https://a, token_file: /a}\n")
    assert settings.resolve(host="https://a/", environment={}).token.file == Path("/a")


def test_certificates_must_be_there(tmp_path):
    file = tmp_path / "ca.pem"
    file.touch()
    environment = {"TRIMTAB_KFP_CA_FILE": str(file)}
    assert settings.resolve(host="https://a", environment=environment).ca_file == str(file)
    file.unlink()
    with pytest.raises(ConfigError, match="no such file of certificates"):
        settings.resolve(host="https://a", environment=environment)


def test_a_pod_needs_no_settings(monkeypatch, tmp_path):
    account, token = tmp_path / "account", tmp_path / "token"
    account.mkdir()
    (account / "namespace").write_text("team\n")
    token.write_text("projected")
    monkeypatch.setattr(settings, "SERVICE_ACCOUNT", account)
    monkeypatch.setattr(settings, "PROJECTED_TOKEN", token)
    found = settings.resolve(environment={})
    assert (found.host, found.namespace) == (settings.IN_CLUSTER_HOST, "team")
    assert found.token.read() == "projected"


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("default: {host: a}", "kind", "there is no such profile"),
        ("default: {hots: a}", None, "expected text for host"),
        ("default: {token: abc}", None, "token_file names its file"),
        ("default: 3", None, "expected text for host"),
        ("- a", None, "expected profiles by name"),
        ("{", None, "cannot be read as YAML"),
        ("default: {host: 'ftp://a'}", None, "expected an http:// or https:// address"),
    ],
)
def test_a_profile_that_cannot_be_used(text, name, words):
    profile(text)
    with pytest.raises(ConfigError, match=words) as caught:
        settings.resolve(profile=name, environment={})
    assert "abc" not in str(caught.value)


def test_a_token_is_not_in_the_settings_text_and_its_file_must_be_there(tmp_path):
    assert "s3cret" not in repr(settings.Token("s3cret"))
    with pytest.raises(ConfigError, match="the token cannot be read"):
        settings.Token(file=tmp_path / "none").read()


def test_no_token_reaches_a_log(trimtab, server, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("TRIMTAB_KFP_TOKEN", "s3cret")
    server.tokens = {"another"}
    with caplog.at_level("DEBUG"):
        _, out, err = trimtab("status")
    assert "s3cret" not in out + err + caplog.text
    assert "s3cret" not in os.environ.get("HOME", "")
