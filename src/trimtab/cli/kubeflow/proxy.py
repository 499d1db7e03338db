"""The proxy that the environment names, which the generated client does not look for."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from trimtab.errors import ConfigError


def proxy(host: str) -> tuple[str, dict[str, str]] | None:
    """Returns the address of the proxy for a server and the headers that log in there, or None.

    `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` hold as for other tools. This machine itself, to which ports
    are forwarded, is never asked through a proxy.

    Args:
        host: The server's URL.

    Raises:
        ConfigError: If the proxy's address cannot be used.
    """
    parts = urlsplit(host)
    name = parts.hostname or ""
    address = getproxies().get(parts.scheme)
    if not address or _is_local(name) or proxy_bypass(f"{name}:{parts.port}" if parts.port else name):
        return None
    url = urlsplit(address if "://" in address else f"http://{address}")
    place = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ConfigError(
            "expected the http:// or https:// address of a proxy",
            path=place,
            field=f"{parts.scheme.upper()}_PROXY",
        )
    login = f"{unquote(url.username)}:{unquote(url.password or '')}" if url.username else None
    return place, dict(urllib3.make_headers(proxy_basic_auth=login))


def _is_local(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
