"""The `compare` component: judges champion and challenger on the same fresh test data."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare(
    config: str,
    output: str,
    run_id: str,
    dataset: Input[Dataset],
    selection: Input[Model],
    champion: Input[Model],
    comparison: Output[Artifact],
    forced_by: str = "",
    forced_reason: str = "",
) -> bool:
    """Judges champion and challenger on the same fresh test data.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        dataset: The prepared data.
        selection: The challenger: the chosen model, if there is one.
        champion: The snapshot of the champion.
        comparison: The verdict, with its evidence.
        forced_by: Who wants the promotion whatever comes out; empty, nobody does.
        forced_reason: Why it is forced.

    Returns:
        Whether the challenger is to be promoted.
    """
    from trimtab.stages import compare as stage

    return stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        dataset=dataset.path,
        selection=selection.path,
        champion=champion.path,
        comparison=comparison.path,
        forced_by=forced_by,
        forced_reason=forced_reason,
    )
