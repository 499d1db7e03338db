"""What the URI of an object names: a store, a bucket, and objects below a prefix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

from trimtab.errors import ConfigError
from trimtab.registry import STORES, module
from trimtab.storage.objects.base import Objects, StoreKind
from trimtab.storage.objects.limits import Limits


def is_remote(path: str) -> bool:
    """Returns whether a path is in an object store, and not on this machine."""
    scheme, separator, _ = path.partition("://")
    return bool(separator) and scheme in STORES


def schemes(rest: str = "") -> str:
    """Returns the URIs that are known, for messages: ``gs:// or s3://``, each with ``rest``."""
    return " or ".join(f"{scheme}://{rest}" for scheme in STORES)


def kinds(paths: Iterable[str]) -> list[StoreKind]:
    """Returns the kinds of the stores that some paths are in, each once."""
    modules = {STORES[path.partition("://")[0]] for path in paths if is_remote(path)}
    return [import_module(name).STORE for name in sorted(modules)]


@dataclass(frozen=True)
class Location:
    """A bucket and a name in it.

    Attributes:
        scheme: The store's, ``gs``.
        bucket: The bucket's name.
        name: What follows the bucket, with no slash at either end; empty for the bucket itself.
    """

    scheme: str
    bucket: str
    name: str

    @classmethod
    def parse(cls, uri: str) -> Location:
        """Returns the location that a URI names.

        Raises:
            ConfigError: If it is not ``SCHEME://BUCKET[/NAME]`` with a registered scheme.
        """
        scheme, _, rest = uri.partition("://")
        bucket, _, name = rest.partition("/")
        if not is_remote(uri):
            raise ConfigError(f"expected {schemes('BUCKET/NAME')}", path=uri)
        kind: StoreKind = module(STORES, scheme).STORE
        if not kind.bucket.fullmatch(bucket):
            raise ConfigError(
                f"expected {scheme}://BUCKET/NAME", path=uri, hint="Bucket names are lower-case."
            )
        name = name.rstrip("/")
        if "" in name.split("/")[:-1]:
            raise ConfigError(f"expected {scheme}://BUCKET/NAME with single slashes", path=uri)
        return cls(scheme, bucket, name)

    @property
    def uri(self) -> str:
        """Returns the URI, without a slash at its end."""
        return f"{self.scheme}://{self.bucket}/{self.name}".rstrip("/")

    @property
    def prefix(self) -> str:
        """Returns what the names of all objects below this location begin with."""
        return f"{self.name}/" if self.name else ""

    def objects(self, limits: Limits) -> Objects:
        """Returns the objects of the bucket.

        Args:
            limits: How patient to be.
        """
        kind: StoreKind = module(STORES, self.scheme).STORE
        return kind.objects(self.scheme, self.bucket, limits)
