"""Makes a candidate's files from a Keras model."""

from __future__ import annotations

from trimtab.artifacts import dataset, hyperparameters, inside
from trimtab.artifacts.evaluation import Cost
from trimtab.artifacts.file import FileLineage, FileSummary
from trimtab.artifacts.model import MODEL_FILE, ModelLineage, ModelSummary
from trimtab.artifacts.store import ContentStore
from trimtab.compress.ending import write
from trimtab.config.chains import Ending
from trimtab.models import archive
from trimtab.runtimes import files
from trimtab.runtimes.registry import runtime
from trimtab.stages import settings
from trimtab.stages.making import looking, validation
from trimtab.stages.making.context import Making, trained
from trimtab.storage.artifact import Artifact


def make(run_uri: str, ref: str, label: str, model_ref: str, ending: Ending) -> None:
    """Turns a model into files by the last step of a recipe, and keeps them.

    Args:
        run_uri: The URI of the run's directory.
        ref: The entry to make.
        label: The stage and the candidate.
        model_ref: The Keras model.
        ending: The last step, and the runtime.
    """
    store, config = ContentStore(run_uri), settings.of(run_uri)
    source = store.open(model_ref, [MODEL_FILE])
    lineage = ModelLineage.model_validate(source.lineage)
    data = dataset.read(store, lineage.dataset, ["train", "validation"])
    values = hyperparameters.read(store, lineage.hyperparameters)
    making = Making(run_uri, label, config, data, values, model_ref, trained(store, model_ref, config.model))
    model, cost = archive.load(source.path / MODEL_FILE, config.model), _cost(source)
    judge = validation.costs(data, config.seed, cost.macs)
    with store.create(ref) as draft:
        written = write(model, ending, draft.path, making.context(), judge)
        layers = looking.layers(
            label,
            model,
            runtime(ending.runtime),
            draft.path,
            cost,
            lambda n: data.head("train", n)[0],
            written.losses,
        )
        inside.write(draft.path, layers)
        draft.lineage = FileLineage(dataset=lineage.dataset, model=model_ref)
        draft.summary = FileSummary(
            runtime=ending.runtime,
            size_bytes=files.size_bytes(runtime(ending.runtime), draft.path),
            max_difference=written.difference,
            ranges=written.ranges,
            cost=cost,
            graph=looking.graph(label, model, runtime(ending.runtime), draft.path),
            history=making.history,
        )


def _cost(source: Artifact) -> Cost:
    return ModelSummary.model_validate(source.manifest.summary).cost
