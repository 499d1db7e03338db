"""Export of a deployed version as a SavedModel, for TensorFlow Serving and whatever else reads those.

What is exported is the Keras model that the deployed file was made from. Nothing else can be: 8-bit kernels
exist in the runtimes alone. So a quantized version is exported in floats, and the difference is told.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from trimtab.artifacts import training
from trimtab.batch import INPUT, Batch, answered, fed, rows, side_by_side
from trimtab.config.chains import UNCHANGED
from trimtab.config.recipes import read_chain
from trimtab.data.dataset.dataset import model_inputs
from trimtab.data.schema import DatasetSchema, TensorSpec
from trimtab.deploy import saved_model
from trimtab.deploy.answers import schema_of
from trimtab.deploy.golden import GOLDEN_FILE, Golden, tolerance
from trimtab.deploy.repository import CHAMPION_FILE, COUNTER_FILE, Repository
from trimtab.errors import ConfigError, DeployError
from trimtab.storage.artifact import MANIFEST
from trimtab.storage.objects.location import is_remote
from trimtab.storage.store import open_store

ABOUT_FILE = "assets.extra/trimtab.json"  # TensorFlow Serving leaves this directory alone


class ExportedLabel(BaseModel):
    """One of several outputs; fields as of ``Exported``."""

    outputs: int
    classes: list[str]
    label_mean: float
    label_std: float

    @classmethod
    def of(cls, part: DatasetSchema) -> ExportedLabel:
        """Returns it of the schema of its label alone."""
        fields = part.model_dump(include={"classes", "label_mean", "label_std"})
        return cls(outputs=part.outputs, **fields)


class Exported(BaseModel):
    """What was exported; ``assets.extra/trimtab.json`` beside the model says the same.

    Attributes:
        version: The version of the repository, and of the export.
        candidate: The deployed candidate.
        input_shape: Of one example, as the model takes it; empty where there are several inputs.
        input_dtype: ``float32``, or ``int32`` for tokens; empty where there are several inputs.
        inputs: Types and shapes by name, where there are several.
        outputs: The width of the model's output; of several, of all together.
        answers: What each of several outputs means, by name; what is below is of the first.
        classes: In the order of the outputs; none in regression, and where the input is repeated.
        label_mean: In regression, a value is ``output * label_std + label_mean``.
        label_std: See ``label_mean``.
        as_float: Whether the deployed file is quantized, and the export is not.
        examples: Golden predictions that were compared.
        difference: Largest difference of the SavedModel's outputs to the Keras model's.
        deployed_difference: Largest difference of the SavedModel's outputs to the deployed file's.
    """

    version: int
    candidate: str
    input_shape: tuple[int, ...]
    input_dtype: str
    outputs: int
    classes: list[str]
    label_mean: float
    label_std: float
    as_float: bool
    inputs: dict[str, str] = Field({}, exclude_if=lambda inputs: not inputs)
    answers: dict[str, ExportedLabel] = Field({}, exclude_if=lambda answers: not answers)
    examples: int
    difference: float
    deployed_difference: float


def export(target: str, output: str, version: int | None = None) -> tuple[str, Exported]:
    """Writes ``OUTPUT/<version>/saved_model.pb`` and what belongs to it; all of it or nothing.

    Args:
        target: The URI of the model repository.
        output: The URI of the directory that TensorFlow Serving gets as the model's base path.
        version: A version; None: the champion.

    Returns:
        Where it was written, and what it is.

    Raises:
        DeployError: If there is no such version, if nothing was kept of its training, or if the SavedModel
            does not repeat the Keras model's outputs.
        ArtifactError: If a file of the version is damaged.
        ModelError: If the Keras model cannot be loaded.
        ConfigError: If ``output`` is a model repository itself, or lies in that of the model.
        StorageError: If ``output`` cannot be written.
    """
    repository = Repository(target)
    number, store = repository.resolve(version), open_store(output)
    theirs = (CHAMPION_FILE, COUNTER_FILE, f"{number}/{MANIFEST}")
    if any(store.read(name) is not None for name in theirs):  # its versions have the names that exports get
        raise ConfigError("expected another directory, found a model repository", path=store.uri)
    if _plain(store.uri).startswith(_plain(repository.uri)):  # a file more, and a version is damaged
        raise ConfigError("expected a directory outside of the model repository", path=store.uri)
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        exported = _write(repository, number, Path(temporary))
        store.put_directory(Path(temporary), str(number))
    return f"{store.uri.rstrip('/')}/{number}", exported


def _plain(uri: str) -> str:
    """Returns a directory's URI with a slash at its end, a local one without links and ``..``."""
    return f"{uri.rstrip('/') if is_remote(uri) else Path(uri).resolve()}/"


def _write(repository: Repository, version: int, directory: Path) -> Exported:
    """Writes everything to a local directory, and checks it."""
    with repository.fetched(version) as served:
        schema = schema_of(served, repository.location(version))
        golden = Golden.load(served.path / GOLDEN_FILE)
    x = model_inputs(schema, golden.x)
    with repository.training(version) as trained:
        record = training.read(trained)
        chain = read_chain(record.recipe)
        expected = _save(trained.path / training.COMPRESSED_FILE, schema, directory, x)
    outputs = saved_model.outputs(directory, fed(x), _names(schema))
    exported = Exported(
        version=version,
        candidate=record.candidate,
        input_shape=schema.input.shape if INPUT in schema.inputs else (),
        input_dtype=schema.input.model_dtype if INPUT in schema.inputs else "",
        inputs={name: f"{spec.model_dtype} {_batched(spec)}" for name, spec in schema.input.parts.items()},
        outputs=schema.outputs,
        classes=schema.classes,
        label_mean=schema.label_mean,
        label_std=schema.label_std,
        as_float=chain is None or chain.quantization.name != UNCHANGED,
        answers={name: ExportedLabel.of(part) for name, part in schema.parts.items()},
        examples=rows(x),
        difference=_difference(outputs, expected, repository.location(version)),
        deployed_difference=float(np.abs(outputs - answered(golden.y, schema.output_names)).max()),
    )
    (directory / ABOUT_FILE).parent.mkdir()
    (directory / ABOUT_FILE).write_text(exported.model_dump_json(indent=2) + "\n")
    return exported


def _save(file: Path, schema: DatasetSchema, directory: Path, x: Batch) -> NDArray[np.float32]:
    """Writes a Keras model as a SavedModel, and returns the Keras model's outputs, ``(n, outputs)``."""
    from trimtab.quiet import quiet

    with quiet():
        import keras
        import tensorflow as tf

        from trimtab.models import archive

        model = archive.load(file)
        signature = fed(
            {
                name: tf.TensorSpec(
                    (None, *spec.shape), spec.model_dtype, name=saved_model.INPUT if name == INPUT else name
                )
                for name, spec in schema.inputs.items()
            }
        )
        export_archive = keras.export.ExportArchive()
        export_archive.track(model)
        export_archive.add_endpoint(
            saved_model.SIGNATURE,
            lambda inputs: dict(zip(_names(schema), _listed(model(inputs, training=False)), strict=True)),
            input_signature=[signature],
        )
        export_archive.write_out(directory, verbose=False)
        return side_by_side(model(fed(x), training=False)).astype(np.float32)


def _names(schema: DatasetSchema) -> list[str]:
    """Returns what the signature calls the model's outputs."""
    return list(schema.labels) or [saved_model.OUTPUT]


def _listed(answers: Any) -> list[Any]:
    return list(answers) if isinstance(answers, list | tuple) else [answers]


def _batched(spec: TensorSpec) -> str:
    return f"({', '.join(['batch', *map(str, spec.shape)])})"


def _difference(outputs: NDArray[np.float32], expected: NDArray[np.float32], where: str) -> float:
    """Returns how far the SavedModel is from the Keras model: no farther than float rounding explains."""
    allowed = tolerance(expected, {"float32"}, apart=0.0)
    if outputs.shape != expected.shape or not np.abs(outputs - expected).max() <= allowed:
        raise DeployError(
            f"the SavedModel does not repeat the Keras model's outputs to within {allowed:.3g}",
            path=where,
            hint="Nothing was exported.",
        )
    return float(np.abs(outputs - expected).max())
