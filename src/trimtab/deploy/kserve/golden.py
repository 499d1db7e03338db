"""Whether an InferenceService answers with a version: its golden rows, by the Open Inference Protocol."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import requests

from trimtab.batch import Batch
from trimtab.data.dataset.dataset import model_inputs
from trimtab.data.schema import DatasetSchema
from trimtab.deploy.golden import GOLDEN_FILE, Golden
from trimtab.deploy.repository import SCHEMA_FILE, Repository
from trimtab.errors import DeployError

TOKEN = "TRIMTAB_KSERVE_TOKEN"
"""What names the bearer token of a server that wants one; a pod gets it by ``resources.secret_variables``."""

_SECONDS = (5.0, 30.0)
_DATATYPES = {"float32": "FP32", "int32": "INT32"}


class GoldenRows:
    """The golden rows of a version as a request.

    Args:
        repository: Where the version is.
        version: Its number.

    Raises:
        DeployError: If there is no such version.
        ArtifactError: If one of its files is missing, cut or changed.
    """

    def __init__(self, repository: Repository, version: int) -> None:
        with repository.fetched(version) as deployment:
            schema = DatasetSchema.model_validate_json((Path(deployment.path) / SCHEMA_FILE).read_bytes())
            self._golden = Golden.load(deployment.path / GOLDEN_FILE)
        self._version = str(version)
        self._request = {"inputs": _tensors(model_inputs(schema, self._golden.x))}

    def asked(self, addresses: Sequence[str], name: str) -> str:
        """Returns why no address answers as this version yet; empty: one does.

        Raises:
            DeployError: If the version answers something else than the golden predictions.
        """
        reasons = []
        for address in addresses:
            reasons.append(self._asked(f"{address.rstrip('/')}/v2/models/{name}/infer"))
            if not reasons[-1]:
                return ""
        return "; ".join(reasons) or "it has no address yet"

    def _asked(self, url: str) -> str:
        token = os.environ.get(TOKEN, "").strip()  # a Secret made from a file has its last newline
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = requests.post(url, json=self._request, headers=headers, timeout=_SECONDS)
            if answer.status_code in (401, 403):
                how = "refuses that token" if token else "wants a token, and there is none"
                return f"{url} answered {answer.status_code}: it {how} in {TOKEN}"
            if not answer.ok:
                return f"{url} answered {answer.status_code}"
            content = answer.json()
            if (version := str(content.get("model_version", ""))) != self._version:
                return f"{url} answered as version {version or 'of no number'}"
            told = {each["name"]: each for each in content["outputs"]}
            outputs = {
                name: np.asarray(told[name]["data"], np.float64).reshape(told[name]["shape"])
                for name in self._golden.y
            }
        except requests.RequestException:
            return f"{url} does not answer"
        except (AttributeError, KeyError, TypeError, ValueError):
            return f"{url} answered what the protocol does not say"
        self._compare(url, outputs)
        return ""

    def _compare(self, url: str, outputs: Batch) -> None:
        difference = self._golden.difference(outputs)
        if difference is None:
            message = "other shapes than the golden predictions, or no numbers"
        elif difference > self._golden.tolerance:
            message = f"a difference of {difference:.3g}; at most {self._golden.tolerance:.3g} is allowed"
        else:
            return
        raise DeployError(f"version {self._version} answered its golden rows with {message}", path=url)


def _tensors(inputs: Batch) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "shape": list(x.shape),
            "datatype": _DATATYPES[str(x.dtype)],
            "data": x.ravel().tolist(),
        }
        for name, x in inputs.items()
    ]
