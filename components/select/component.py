"""The `select` component: measures latency side by side, proves the budget and chooses a candidate."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def select(
    config: str,
    output: str,
    run_id: str,
    dataset: Input[Dataset],
    quantized: Input[list[Model]],
    evaluations: Input[list[Artifact]],
    selection: Output[Model],
) -> bool:
    """Measures latency side by side, proves the accuracy budget and chooses a candidate.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        dataset: The prepared data.
        quantized: All candidates.
        evaluations: Their evaluations.
        selection: The verdict on every candidate, and the chosen model.

    Returns:
        Whether a candidate is within the budget.
    """
    from trimtab.stages import select as stage

    return stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        dataset=dataset.path,
        quantized=[item.path for item in quantized],
        evaluations=[item.path for item in evaluations],
        selection=selection.path,
    )
