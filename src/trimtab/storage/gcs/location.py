"""What a ``gs://`` URI names: a bucket, and objects below a prefix."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trimtab.errors import ConfigError

SCHEME = "gs://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


def is_remote(path: str) -> bool:
    """Returns whether a path is in Google Cloud Storage."""
    return path.startswith(SCHEME)


@dataclass(frozen=True)
class Location:
    """A bucket and a name in it.

    Attributes:
        bucket: The bucket's name.
        name: What follows the bucket, with no slash at either end; empty for the bucket itself.
    """

    bucket: str
    name: str

    @classmethod
    def parse(cls, uri: str) -> Location:
        """Returns the location that a URI names.

        Raises:
            ConfigError: If it is not ``gs://BUCKET[/NAME]``.
        """
        bucket, _, name = uri.removeprefix(SCHEME).partition("/")
        if not is_remote(uri) or not _BUCKET.fullmatch(bucket):
            raise ConfigError("expected gs://BUCKET/NAME", path=uri, hint="Bucket names are lower-case.")
        name = name.rstrip("/")
        if "" in name.split("/")[:-1]:
            raise ConfigError("expected gs://BUCKET/NAME with single slashes", path=uri)
        return cls(bucket, name)

    @property
    def uri(self) -> str:
        """Returns the URI, without a slash at its end."""
        return f"{SCHEME}{self.bucket}/{self.name}".rstrip("/")

    @property
    def prefix(self) -> str:
        """Returns what the names of all objects below this location begin with."""
        return f"{self.name}/" if self.name else ""
