"""Which rows a run was trained, chosen and tested on."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.artifacts import dataset
from trimtab.artifacts.record import read_records
from trimtab.artifacts.store import USES, ContentStore
from trimtab.data.dataset.origins import FOLDER, Origin, read_origins
from trimtab.errors import ArtifactError
from trimtab.storage.store import open_store


def origins(run_uri: str, split: str) -> Iterator[list[Origin]]:
    """Returns where the rows of a split came from, in their order; of the test those of all folds.

    What is trained and chosen on are the first fold's, whose model ships.

    Args:
        run_uri: The URI of the run's directory.
        split: The split.

    Raises:
        ArtifactError: If the run has prepared no data, or an older version has.
    """
    store = ContentStore(run_uri)
    refs = dataset.folds(store, _dataset(run_uri))
    if split != "test" or len(refs) == 1:
        return read_origins(store.open(refs[0], [f"{FOLDER}/"]).path, split)
    folders = [store.open(ref, [f"{FOLDER}/"]).path for ref in refs]
    return (
        [row._replace(fold=fold) for row in rows]
        for fold, folder in enumerate(folders, start=1)
        for rows in read_origins(folder, split)
    )


def _dataset(run_uri: str) -> str:
    """Returns the reference of a run's dataset."""
    prepared = [
        summary.fingerprint
        for record in read_records(run_uri)
        if record.stage == "data_prep" and (summary := record.read(dataset.DatasetSummary)) is not None
    ]
    store = ContentStore(run_uri)
    for name in open_store(run_uri).names(f"{USES}/{dataset.KIND}/"):
        ref = name.removeprefix(f"{USES}/")
        manifest = store.find(ref, uses=False)
        if manifest is not None and manifest.summary.get("fingerprint") in prepared:
            return ref
    raise ArtifactError(
        "this run has no data that is still there",
        path=run_uri,
        hint="Give the id of a run that prepared its data.",
    )
