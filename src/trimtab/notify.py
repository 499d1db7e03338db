"""Sends a notice to Slack, to a webhook, or as a mail; that it cannot be sent ends nothing."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from trimtab.config.notify import Notify

SECONDS = 10.0
_ATTEMPTS = 2


@dataclass(frozen=True)
class Notice:
    """What is told.

    Attributes:
        subject: In a line.
        text: In some lines.
        facts: The same for programs.
    """

    subject: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


def send(settings: Notify, notice: Notice) -> list[str]:
    """Sends a notice to all that are named, and returns why some could not be told; no address is among it.

    Args:
        settings: Who is told.
        notice: What.
    """
    ways: list[tuple[str, str | None, Callable[[str], None]]] = [
        ("slack", settings.slack, lambda url: _post(url, {"text": f"*{notice.subject}*\n{notice.text}"})),
        ("webhook", settings.webhook, lambda url: _post(url, asdict(notice))),
        ("email", settings.smtp, lambda url: _mail(url, settings.email, notice)),
    ]
    failures = [_sent(way, variable, tell) for way, variable, tell in ways if variable]
    return [failure for failure in failures if failure]


def beat(settings: Notify) -> str:
    """Asks for the URL by which others know that a run ended well; returns why that failed, if it did.

    Args:
        settings: Who is told.
    """
    return _sent("heartbeat", settings.heartbeat, _get) if settings.heartbeat else ""


def _sent(way: str, variable: str, tell: Callable[[str], None]) -> str:
    """Returns why a notice could not be sent; empty: it was."""
    if not (url := os.environ.get(variable, "").strip()):
        return f"{way}: the environment has no {variable}"
    why = ""
    for _ in range(_ATTEMPTS):
        try:
            tell(url)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            why = f"{way}, whose address {variable} has: {_why(error)}"
        else:
            return ""
    return why


def _why(error: Exception) -> str:
    """Returns what went wrong, not in the error's words: the address or the password may be in them."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it refused the login"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    number = reason.errno if isinstance(reason, OSError) else None
    return os.strerror(number) if number and number > 0 else type(reason).__name__


def _post(url: str, content: dict[str, Any]) -> None:
    _ask(url, json.dumps(content).encode(), {"Content-Type": "application/json"}, "POST")


def _get(url: str) -> None:
    _ask(url, None, {}, "GET")


def _ask(url: str, body: bytes | None, headers: dict[str, str], method: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("expected an http:// or https:// URL")
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=SECONDS):
        pass


def _mail(url: str, recipients: list[str], notice: Notice) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("expected an smtp:// or smtps:// URL")
    user = unquote(parts.username or "")
    message = EmailMessage()
    message["Subject"] = " ".join(notice.subject.split())
    message["From"] = user if "@" in user else f"trimtab@{parts.hostname}"
    message["To"] = ", ".join(recipients)
    message.set_content(f"{notice.text}\n")
    with _mail_server(parts.scheme, parts.hostname, parts.port) as server:
        if user:
            server.login(user, unquote(parts.password or ""))
        server.send_message(message)


def _mail_server(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SECONDS, context=context)
    server = smtplib.SMTP(host, port or 587, timeout=SECONDS)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=context)
    return server
