"""The steps of a deployment to KServe.

1. ``try_out``, before the champion changes: the new version, and it alone, in the cluster. As a canary, which
   gets a share of the requests; else as an InferenceService beside the one that is in service, with none.
   Its golden rows must be answered. If not, it is taken away, and the champion stays.
2. The champion changes, and with it, within seconds and without new pods, what the service answers.
3. ``settle``: the canary ends, and the golden rows must be answered by the service itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from trimtab import preemption, progress
from trimtab.config.deploy import KServe
from trimtab.config.resources import Resources
from trimtab.deploy.kserve import manifest
from trimtab.deploy.kserve.cluster import Cluster
from trimtab.deploy.kserve.golden import GoldenRows
from trimtab.deploy.repository import Repository
from trimtab.errors import DeployError

_ATTEMPTS = 5


class Service:
    """The InferenceService of a config.

    Args:
        settings: The section ``deploy.kserve``.
        resources: What pods get.
        target: The URI of the repository.

    Raises:
        DeployError: If no cluster is known here.
    """

    def __init__(self, settings: KServe, resources: Resources, target: str, pause_s: float = 2.0) -> None:
        self._settings, self._resources, self._target = settings, resources, target
        self._cluster, self._pause_s = Cluster(settings.namespace), pause_s
        self._trial = f"{settings.name}-trial"

    def check(self) -> None:
        """Returns if it could be deployed to, as far as is known before.

        Raises:
            DeployError: If the cluster does not let one look, or if the service cannot be made.
        """
        self._present()

    def try_out(self, version: int) -> None:
        """Answers the golden rows of a version in the cluster, before it becomes the champion.

        Raises:
            DeployError: If they are not answered as they should be; nothing of the version is in service.
        """
        known = self._cluster.get(self._settings.name)
        has_champion = Repository(self._target).champion() is not None
        if self._settings.canary is not None and known is not None and has_champion:
            self._as_canary(version, self._settings.canary)
        else:
            self._beside(version)

    def settle(self, version: int) -> None:
        """Lets the service follow the champion, and waits until it answers as that.

        Raises:
            DeployError: If it does not.
        """
        self._follow()
        self._wait(self._settings.name, GoldenRows(Repository(self._target), version), _addresses)
        progress.say("deploy", f"InferenceService {self._where()} answers as version {version}")

    def _as_canary(self, version: int, percent: int) -> None:
        progress.say("deploy", f"version {version} gets {percent} % of the requests to {self._where()}")
        self._change(lambda known: manifest.serving(known, self._settings, self._target, version, percent))
        try:
            self._wait(self._settings.name, GoldenRows(Repository(self._target), version), _canary_addresses)
        except BaseException:
            self._follow()
            raise

    def _beside(self, version: int) -> None:
        progress.say("deploy", f"version {version} is tried out as {self._trial}, without requests")
        pinned = manifest.serving(self._present(), self._settings, self._target, version)
        self._cluster.delete(self._trial)  # of a run that was killed
        try:
            self._create(manifest.trial(pinned, self._trial))
            self._wait(self._trial, GoldenRows(Repository(self._target), version), _addresses)
        finally:
            self._cluster.delete(self._trial)

    def _create(self, service: dict[str, Any]) -> None:
        """Creates a service, when the one of that name that is being deleted has gone."""
        end = time.monotonic() + self._settings.timeout_s
        while self._cluster.get(service["metadata"]["name"]) is not None and time.monotonic() < end:
            preemption.check()
            time.sleep(self._pause_s)
        self._cluster.create(service)

    def _present(self) -> dict[str, Any]:
        """Returns the service, or what it would be made of."""
        known = self._cluster.get(self._settings.name)
        return known or manifest.inference_service(self._settings, self._resources, self._target)

    def _follow(self) -> None:
        """Lets the service follow the champion, with all requests."""
        if self._cluster.get(self._settings.name) is None:
            self._cluster.create(manifest.inference_service(self._settings, self._resources, self._target))
        else:
            self._change(lambda known: manifest.serving(known, self._settings, self._target))

    def _change(self, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Changes the service, again where somebody else did so meanwhile."""
        for _ in range(_ATTEMPTS):
            known = self._cluster.get(self._settings.name)
            if known is None:
                raise DeployError(f"the InferenceService {self._where()} has gone", field="deploy.kserve")
            if (wanted := changed(known)) == known or self._cluster.replace(wanted):
                return
        raise DeployError(
            f"the InferenceService {self._where()} is changed by others all the time", field="deploy.kserve"
        )

    def _wait(
        self, name: str, rows: GoldenRows, addresses: Callable[[Mapping[str, Any], str], list[str]]
    ) -> None:
        """Waits until a service is ready and answers golden rows."""
        end, why = time.monotonic() + self._settings.timeout_s, "it is not ready"
        while True:
            known = self._cluster.get(name) or {}
            why = _not_ready(known) or rows.asked(
                addresses(known, self._cluster.namespace), self._settings.name
            )
            if not why:
                return
            if time.monotonic() > end:
                raise DeployError(
                    f"the InferenceService {name} in {self._cluster.namespace} does not serve the version "
                    f"after {self._settings.timeout_s} s: {why}",
                    field="deploy.kserve",
                    hint=f"See kubectl describe inferenceservice -n {self._cluster.namespace} {name}",
                )
            preemption.check()
            time.sleep(self._pause_s)

    def _where(self) -> str:
        return f"{self._settings.name} in {self._cluster.namespace}"


def _not_ready(service: Mapping[str, Any]) -> str:
    """Returns why a service is not ready; empty: it is, and has seen what it was told last."""
    status = service.get("status") or {}
    if status.get("observedGeneration", 0) < service.get("metadata", {}).get("generation", 1):
        return "KServe has not looked at it yet"
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    ready = conditions.get("Ready", {})
    if ready.get("status") == "True":
        return ""
    said = " ".join(f"{ready.get('reason', '')} {ready.get('message', '')}".split())
    return f"it is not ready{f': {said[:300]}' if said else ''}"


def _addresses(service: Mapping[str, Any], _: str) -> list[str]:
    """Returns where a service is reached: in the cluster, and from outside."""
    status = service.get("status") or {}
    told = [(status.get("address") or {}).get("url"), status.get("url")]
    return [url for url in told if url]


def _canary_addresses(service: Mapping[str, Any], namespace: str) -> list[str]:
    """Returns where the newest revision alone is reached: Knative gives its tag a name of its own."""
    components = (service.get("status") or {}).get("components") or {}
    traffic = (components.get("predictor") or {}).get("traffic") or []
    told = [each["url"] for each in traffic if each.get("url") and each.get("latestRevision")]
    near = [
        f"http://{host.partition('.')[0]}.{namespace}.svc.cluster.local"
        for host in (urlsplit(url).hostname or "" for url in told)
        if not host.replace(".", "").isdecimal()
    ]
    return [*near, *told]
