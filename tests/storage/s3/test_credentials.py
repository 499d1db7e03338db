import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from faults.fixtures import use_s3

from trimtab.errors import ConfigError
from trimtab.storage.s3 import credentials
from trimtab.storage.s3.credentials import Credentials, NoCredentialsError, find
from trimtab.storage.store import open_store

STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>of-role
</SecretAccessKey><SessionToken>T1</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>""".replace("of-role\n", "of-role")
LATER, SOON = "2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z"


@pytest.fixture
def alone(monkeypatch):
    """Leaves nothing to find."""
    use_s3(monkeypatch, "http://127.0.0.1:1", "", "")
    monkeypatch.setattr(credentials, "_temporary", {})


@pytest.fixture
def agent():
    """Yields a server that answers ``agent.answer``, and the requests that it has seen."""

    class Handler(BaseHTTPRequestHandler):
        def serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            server.seen.append((self.path, self.headers.get("Authorization"), body))
            status, content = server.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content.encode())

        do_GET = do_POST = serve  # noqa: N815

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answer = [], (200, "")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def url(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


def test_nothing_is_found_where_nothing_is(alone):
    with pytest.raises(NoCredentialsError):
        find("us-east-1")
    with pytest.raises(ConfigError, match=r"s3://bucket/x: there are no usable credentials") as caught:
        open_store("s3://bucket").read("x")
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_the_environment_comes_first(alone, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("[default]\naws_access_key_id = F\naws_secret_access_key = f%s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "file"))
    assert find("") == Credentials("F", "f%s")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "E")
    assert find("") == Credentials("F", "f%s")  # half of a key is none
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "e")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    assert find("") == Credentials("E", "e", "t")


def test_a_profile(alone, monkeypatch, tmp_path):
    lines = ["[mine]", "aws_access_key_id=P", "aws_secret_access_key=p", "aws_session_token=t"]
    (tmp_path / "file").write_text("\n".join(lines))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "file"))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert find("") == Credentials("P", "p", "t")
    (tmp_path / "file").write_text("PLANTED-SECRET")
    with pytest.raises(ConfigError, match="cannot be read as profiles") as caught:
        open_store("s3://bucket").read("x")
    assert "PLANTED" not in str(caught.value)


def test_a_role_by_a_token_of_the_cluster(alone, agent, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("web")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url(agent))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/trimtab")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    agent.answer = (200, STS % SOON)
    assert find("").token == "T1"
    agent.answer = (200, STS % LATER)
    assert (find("").secret, find("").secret) == ("of-role", "of-role")
    assert len(agent.seen) == 2  # anew where the last ones end soon, else not
    assert "WebIdentityToken=web" in agent.seen[0][2]


def test_what_an_agent_hands_out(alone, agent, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("the-token\n")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url(agent)}/v1/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    told = {"AccessKeyId": "A", "SecretAccessKey": "a", "Token": "t", "Expiration": LATER}
    agent.answer = (200, json.dumps(told))
    assert find("").key_id == "A"
    assert agent.seen == [("/v1/credentials", "the-token", "")]


@pytest.mark.parametrize("answer", [(403, "PLANTED-SECRET"), (200, '{"Token": "PLANTED-SECRET"}')])
def test_a_refusal_names_who_refused_and_no_secret(alone, agent, monkeypatch, answer):
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url(agent)}/v1/credentials")
    agent.answer = answer
    with pytest.raises(ConfigError, match=r"there are no usable credentials for it: \w+") as caught:
        open_store("s3://bucket").read("x")
    assert "PLANTED" not in str(caught.value)


def test_a_key_does_not_show_in_a_traceback():
    assert repr(Credentials("AKIA123456", "PLANTED-SECRET", "PLANTED-TOKEN")) == "Credentials(AKIA…)"
