"""Makes a candidate's files from a model that is in the files of a runtime."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from trimtab.artifacts import dataset, inside
from trimtab.artifacts.file import FileLineage, FileSummary
from trimtab.artifacts.model import ModelLineage, ModelSummary
from trimtab.artifacts.store import ContentStore
from trimtab.batch import Batch
from trimtab.config.chains import Ending
from trimtab.runtimes import files, saved_models
from trimtab.runtimes.registry import runtime
from trimtab.stages import settings
from trimtab.stages.making import looking, validation

_PROBE_EXAMPLES = 32


def make(run_uri: str, ref: str, label: str, model_ref: str, ending: Ending) -> None:
    """Quantizes a model's files, or takes them as they are, and keeps what comes out.

    Args:
        run_uri: The URI of the run's directory.
        ref: The entry to make.
        label: The stage and the candidate.
        model_ref: The model.
        ending: The quantization, and the runtime.
    """
    store = ContentStore(run_uri)
    source = store.open(model_ref)
    about = ModelSummary.model_validate(source.manifest.summary)
    lineage = ModelLineage.model_validate(source.lineage)
    data = dataset.read(store, lineage.dataset, ["train", "validation"])
    origin, serving = runtime(about.runtime), runtime(ending.runtime)

    seed = settings.of(run_uri).seed

    @cache
    def calibration(n: int) -> Batch:
        return data.sample("train", n, seed)[0]

    costs = validation.costs(data, seed, about.cost.macs)

    def judge(place: Path) -> tuple[float, ...]:
        assert costs is not None
        return costs(serving.load(place).predict, origin.load(source.path).predict)

    with store.create(ref) as draft:
        step, judging = ending.step, judge if costs else None
        if (graph := saved_models.graph_of(source.path)) is not None:
            model = saved_models.keras_model(graph)
            chosen = serving.convert(model, step.name, step.params, draft.path, calibration, judging)
        else:
            first = source.path / origin.files[0]
            chosen = serving.requantize(first, step.name, step.params, draft.path, calibration, judging)
        before, after = (
            each.load(place).predict(calibration(_PROBE_EXAMPLES))
            for each, place in ((origin, source.path), (serving, draft.path))
        )
        inside.write(draft.path, looking.layers(label, None, serving, draft.path, about.cost, calibration))
        draft.lineage = FileLineage(dataset=lineage.dataset, model=model_ref)
        draft.summary = FileSummary(
            runtime=ending.runtime,
            size_bytes=files.size_bytes(serving, draft.path),
            max_difference=max(float(np.abs(before[name] - after[name]).max()) for name in before),
            ranges=chosen.ranges,
            cost=about.cost,
            graph=looking.graph(label, None, serving, draft.path),
        )
