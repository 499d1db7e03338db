"""One version of a model in service: loaded, verified, and in use until its last request is answered."""

from __future__ import annotations

import math
from typing import Self

from trimtab.batch import Batch, rows
from trimtab.data.dataset.dataset import model_inputs
from trimtab.data.encoders.serving import Preprocessor
from trimtab.data.schema import DatasetSchema
from trimtab.deploy.answers import schema_of
from trimtab.deploy.golden import GOLDEN_FILE, Golden
from trimtab.deploy.repository import Repository
from trimtab.deploy.runtime import loaded, other_version, runtime_of, streams_of
from trimtab.deploy.serving import resized, tensors
from trimtab.deploy.serving.batching import Batcher
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.metrics import Metrics
from trimtab.deploy.serving.resized import ResizedModel, seconds
from trimtab.deploy.serving.tensors import InferRequest
from trimtab.errors import DeployError
from trimtab.runtimes.base import LoadedModel, width
from trimtab.storage.artifact import Artifact


class ServedModel:
    """A version that answers; its methods belong to the event loop's thread.

    Attributes:
        version: Its number.
        schema: What its inputs and outputs mean.
        platform: What the Open Inference Protocol calls what runs it.
        notice: How the library here differs from the one that it was proven on, in words; or nothing.
        row_values: How many values an example has.
        preprocessor: Turns raw rows into its stored tensors.
        batcher: Runs it.
    """

    def __init__(
        self,
        version: int,
        schema: DatasetSchema,
        batcher: Batcher,
        limits: Limits,
        platform: str,
        notice: str,
    ) -> None:
        self.version, self.platform, self.notice = version, platform, notice
        self._limits = limits
        self.schema = schema
        self.row_values = sum(math.prod(spec.shape) for spec in schema.inputs.values())
        self.preprocessor = Preprocessor.load(schema)
        self.batcher = batcher
        self._users, self._retired = 0, False

    def __enter__(self) -> Self:
        """Keeps the model running until the block ends, even when another one replaces it."""
        self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        """Lets it go."""
        self._users -= 1
        self._close_unused()

    def examples(self, body: bytes, json_length: bytes | None) -> tuple[InferRequest, Batch]:
        """Returns a request for inference, and its examples as the model takes them.

        Args:
            body: The HTTP body.
            json_length: The header that says where its JSON ends, where there is one.

        Raises:
            Refusal: If it is no request of the protocol, or not for this model.
        """
        most_values = max(self._limits.values, self._limits.part_rows * self.row_values)
        asked, rest = tensors.parse(body, json_length, most_values, self.schema.output_names)
        return asked, tensors.batch_of(asked, self.schema, rest, self._limits.rows)

    def retire(self) -> None:
        """Ends the model as soon as nobody uses it."""
        self._retired = True
        self._close_unused()

    def _close_unused(self) -> None:
        if self._retired and not self._users:
            self.batcher.close()


def load(repository: Repository, version: int, threads: int, limits: Limits, metrics: Metrics) -> ServedModel:
    """Returns a version, ready to serve, after verifying its files and its answers.

    Args:
        repository: Where it is deployed.
        version: Its number.
        threads: How many threads may run it; those of a model with streams are its streams.
        limits: How many rows may be pending.
        metrics: Where its batches are counted.

    Raises:
        DeployError: If there is no such version, or if it answers differently than when it was selected.
        ArtifactError: If one of its files is missing, cut or changed.
        ModelError: If the runtime cannot load or run it.
        ConfigError: If the runtime is not installed.
    """
    location = repository.location(version)
    with repository.fetched(version) as deployment:
        schema = schema_of(deployment, location)
        golden = Golden.load(deployment.path / GOLDEN_FILE)
        x, workers = model_inputs(schema, golden.x), -(-threads // streams_of(deployment))
        loop_model, *others = (_verified(deployment, schema, golden, location) for _ in range(1 + workers))
        many = resized.gains(loop_model, lambda: loaded(deployment, resized.ROWS), x)
        models = [ResizedModel(other, loaded(deployment, resized.ROWS) if many else None) for other in others]
    row_s = seconds(lambda: loop_model.predict(x)) / rows(x)
    batcher = Batcher(loop_model, models, row_s, limits, metrics)
    platform, notice = runtime_of(deployment).platform, other_version(deployment)
    return ServedModel(version, schema, batcher, limits, platform, notice)


def _verified(version: Artifact, schema: DatasetSchema, golden: Golden, location: str) -> LoadedModel:
    model = loaded(version)
    shapes = {tensor.name: tensor.shape for tensor in model.inputs}
    if shapes != {name: spec.shape for name, spec in schema.inputs.items()} or width(model) != schema.outputs:
        raise DeployError("the model's tensors are not those of its schema", path=location)
    difference = golden.difference(model.predict(model_inputs(schema, golden.x)))
    if difference is None or difference > golden.tolerance:
        answer = "something else" if difference is None else f"outputs that differ by {difference:.3g}"
        raise DeployError(
            f"expected the golden predictions within {golden.tolerance:.3g}, found {answer}", path=location
        )
    return model
