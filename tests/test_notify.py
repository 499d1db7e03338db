"""Notices, to servers that are there, refuse, or are away; no address is told to anybody."""

import json
import smtplib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from trimtab import notify
from trimtab.config.notify import Notify
from trimtab.notify import Notice, beat, send

NOTICE = Notice("trimtab digits: failed", "Nothing was deployed.", {"status": "failed"})


@pytest.fixture
def hook():
    """Yields a server that keeps what is posted to it, and answers with its list of codes, then 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            got.append(self.path)
            self.send_response(codes.pop(0) if codes else 200)
            self.end_headers()

        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(codes.pop(0) if codes else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    got, codes = [], []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        server.got, server.codes = got, codes
        server.url = f"http://127.0.0.1:{server.server_port}/secret"
        yield server
        server.shutdown()


def test_slack_and_a_webhook_are_told(hook, monkeypatch):
    monkeypatch.setenv("URL", hook.url)
    assert send(Notify(slack="URL", webhook="URL"), NOTICE) == []
    slack, webhook = hook.got
    assert slack == {"text": "*trimtab digits: failed*\nNothing was deployed."}
    assert webhook == {"subject": NOTICE.subject, "text": NOTICE.text, "facts": NOTICE.facts}


def test_what_fails_once_is_sent_again(hook, monkeypatch):
    monkeypatch.setenv("URL", hook.url)
    hook.codes.append(503)
    assert send(Notify(slack="URL"), NOTICE) == []
    assert len(hook.got) == 2


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "slack: the environment has no URL"),
        ("http://127.0.0.1:9/secret", "slack, whose address URL has: Connection refused"),
        ("file:///secret", "slack, whose address URL has: ValueError"),
        ("no url secret", "slack, whose address URL has: ValueError"),
    ],
)
def test_what_cannot_be_sent_is_told_without_the_address(url, words, monkeypatch):
    monkeypatch.delenv("URL", raising=False)
    if url:
        monkeypatch.setenv("URL", url)
    assert send(Notify(slack="URL"), NOTICE) == [words]


def test_a_server_that_refuses(hook, monkeypatch):
    monkeypatch.setenv("URL", hook.url)
    hook.codes += [403, 403]
    assert send(Notify(webhook="URL"), NOTICE) == ["webhook, whose address URL has: it answered 403"]


def test_a_heartbeat(hook, monkeypatch):
    monkeypatch.setenv("URL", hook.url)
    hook.codes.append(503)
    assert beat(Notify(heartbeat="URL")) == ""
    assert hook.got == ["/secret", "/secret"]
    assert beat(Notify()) == ""


def test_a_heartbeat_that_nobody_hears_is_told_without_the_address(monkeypatch):
    monkeypatch.setenv("URL", "http://127.0.0.1:9/secret")
    assert beat(Notify(heartbeat="URL")) == "heartbeat, whose address URL has: Connection refused"


class Mail:
    """Stands in for `smtplib.SMTP_SSL`."""

    sent: list = []

    def __init__(self, host, port, **_):
        self.at = host, port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def login(self, user, password):
        if password != "p@ss":
            raise smtplib.SMTPAuthenticationError(535, b"p@ss is wrong")

    def send_message(self, message):
        self.sent.append((self.at, message))


@pytest.fixture
def mail(monkeypatch):
    monkeypatch.setattr(Mail, "sent", [])
    monkeypatch.setattr(notify.smtplib, "SMTP_SSL", Mail)
    return Mail.sent


def test_a_mail(mail, monkeypatch):
    monkeypatch.setenv("SERVER", "smtps://me%40example.com:p%40ss@mail.example.com")
    assert send(Notify(email=["a@example.com", "b@example.com"], smtp="SERVER"), NOTICE) == []
    ((at, message),) = mail
    assert at == ("mail.example.com", 465)
    assert (message["From"], message["To"]) == ("me@example.com", "a@example.com, b@example.com")
    assert message["Subject"] == NOTICE.subject
    assert message.get_content() == "Nothing was deployed.\n"


def test_a_mail_server_that_refuses_the_login(mail, monkeypatch):
    monkeypatch.setenv("SERVER", "smtps://me:wrong@mail.example.com:465")
    said = send(Notify(email=["a@example.com"], smtp="SERVER"), NOTICE)
    assert said == ["email, whose address SERVER has: it refused the login"]


def test_nobody_is_told_where_nobody_is_named():
    assert send(Notify(), NOTICE) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"email": ["a@example.com"]}, "come together"),
        ({"smtp": "SERVER"}, "come together"),
        ({"email": ["a"], "smtp": "SERVER"}, "pattern"),
        ({"slack": "https://hooks.example.com/secret"}, "a name of letters"),
    ],
)
def test_what_cannot_be_meant(given, words):
    with pytest.raises(ValidationError, match=words):
        Notify.model_validate(given)
