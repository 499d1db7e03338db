"""A ``kfp.Client`` that knows what it is told, and nothing else.

All that we use of the client beyond what it publishes is here.
"""

from __future__ import annotations

import json
from typing import Any

import kfp
import kfp_server_api

from trimtab import __version__
from trimtab.cli.kubeflow.proxy import proxy
from trimtab.cli.kubeflow.settings import Settings

_TAGS = json.dumps({"part-of": "trimtab", "trimtab-version": __version__})


class Client(kfp.Client):  # type: ignore[misc]
    """The client without what it takes from elsewhere: its context file, kubeconfig, Google's logins.

    Args:
        settings: The server, and the only login that is shown to it.
    """

    def __init__(self, settings: Settings) -> None:
        self._given_configuration = _configuration(settings)
        super().__init__(host=settings.host)
        self._context_setting["namespace"] = None

    @property
    def api(self) -> kfp_server_api.ApiClient:
        """Returns the generated client below, which all services share."""
        return self._run_api.api_client

    def create_experiment_as_given(self, experiment: kfp_server_api.V2beta1Experiment) -> Any:
        """Creates an experiment, and does not look for it first by a filter that servers read differently."""
        return self._experiment_api.experiment_service_create_experiment(experiment)

    def upload_tagged(self, file: str, name: str, namespace: str | None) -> Any:
        """Uploads a pipeline, with tags, which servers before 2.17 pass over."""
        return self._upload_api.upload_pipeline(file, name=name, namespace=namespace, tags=_TAGS)

    def upload_version_tagged(self, file: str, name: str, pipeline_id: str) -> Any:
        """Uploads a version of a pipeline, with tags."""
        return self._upload_api.upload_pipeline_version(file, name=name, pipelineid=pipeline_id, tags=_TAGS)

    def _load_config(self, *_: object) -> kfp_server_api.Configuration:
        return self._given_configuration

    def _load_context_setting_or_default(self) -> None:
        # Any namespace but the default keeps it from asking the server for one, without a time limit.
        self._context_setting: dict[str, Any] = {"namespace": "-"}


def _configuration(settings: Settings) -> kfp_server_api.Configuration:
    configuration = kfp_server_api.Configuration(host=settings.host)
    configuration.ssl_ca_cert = settings.ca_file
    configuration.retries = False  # also no redirects: a log-in page is not an answer
    if route := proxy(settings.host):
        configuration.proxy, configuration.proxy_headers = route
    if settings.token.read():
        configuration.api_key["authorization"] = "read anew for each request"
        configuration.api_key_prefix["authorization"] = "Bearer"
        configuration.refresh_api_key_hook = lambda current: current.api_key.update(
            authorization=settings.token.read() or ""
        )
    return configuration
