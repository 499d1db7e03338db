"""Who may ask: a bearer token in a file, and TLS with a certificate and its key in files."""

from __future__ import annotations

import hmac
import ipaddress
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from trimtab.errors import ConfigError

_LOOK_S = 1.0


@dataclass(frozen=True)
class Access:
    """What clients need.

    Attributes:
        token_file: A file with the token that requests must have, but for those for health; None: no token.
        certificate: A PEM file with the server's certificate and those above it; None: no TLS.
        key: A PEM file with its private key.
    """

    token_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def check(self) -> None:
        """Reads all files, before the first client does.

        Raises:
            ConfigError: If one is missing, or not what it should be; if the key is not the certificate's.
        """
        if self.token_file is not None:
            Token(self.token_file)
        if (self.certificate is None) != (self.key is None):
            lacking = "--tls-key" if self.key is None else "--tls-cert"
            raise ConfigError("a certificate and its key are given together", field=lacking)
        if self.certificate is not None and self.key is not None:
            for field, path in (("--tls-cert", self.certificate), ("--tls-key", self.key)):
                _content(path, field)
            try:
                ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                    self.certificate, self.key
                )
            except (ssl.SSLError, OSError) as error:
                message = f"expected a PEM certificate and the private key of it: {error}"
                raise ConfigError(message, path=str(self.certificate), field="--tls-cert") from None

    def is_open(self, host: str) -> bool:
        """Returns whether whoever reaches an address from elsewhere may ask, or may read what others ask.

        Args:
            host: The address that is listened on.
        """
        try:
            is_loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            is_loopback = host == "localhost"
        return not is_loopback and (self.token_file is None or self.certificate is None)


class Token:
    """The token in a file, which may be replaced while the server runs.

    Args:
        path: The file; blanks around the token are no part of it.

    Raises:
        ConfigError: If it cannot be read, or is empty.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._look_at = path, 0.0
        self._read()

    def is_in(self, authorization: bytes | None) -> bool:
        """Returns whether a header has the token.

        Args:
            authorization: The value of ``Authorization``.
        """
        if time.monotonic() >= self._look_at:
            self._look_again()
        return authorization is not None and hmac.compare_digest(authorization, self._expected)

    def _look_again(self) -> None:
        try:
            self._read()
        except ConfigError:
            self._look_at = time.monotonic() + _LOOK_S  # it is being replaced: the one before stands

    def _read(self) -> None:
        self._look_at = time.monotonic() + _LOOK_S
        token = _content(self._path, "--token-file").strip()
        if not token or not token.isascii() or len(token.split()) != 1:
            raise ConfigError("expected a token in one line", path=str(self._path), field="--token-file")
        self._expected = b"Bearer " + token


def _content(path: Path, field: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise ConfigError(message, path=str(path), field=field) from None
