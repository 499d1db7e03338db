"""The stores that are held to all faults, each by an emulator of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """A store, the fixtures of its server and of the proxy before that, and which requests are which."""

    scheme: str
    emulator: str
    proxy: str
    media: str
    upload: str
    any: str


GCS = Cloud("gs", "emulator", "proxy", "alt=media", r"(POST|PUT) /upload", "/o[/?]")
S3 = Cloud("s3", "s3_emulator", "s3_proxy", "GET /bucket/[^?]", "PUT /bucket/", "/bucket")
