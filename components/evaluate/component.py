"""The `evaluate` component: measures one candidate's quality and size on the whole test split."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    config: str,
    output: str,
    run_id: str,
    candidate: str,
    dataset: Input[Dataset],
    quantized: Input[Model],
    evaluation: Output[Artifact],
) -> None:
    """Measures one candidate's quality and size on the whole test split.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        candidate: The candidate's id.
        dataset: The prepared data.
        quantized: The candidate.
        evaluation: Metrics, and the score of every test example.
    """
    from trimtab.stages import evaluate as stage

    stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        candidate=candidate,
        dataset=dataset.path,
        quantized=quantized.path,
        evaluation=evaluation.path,
    )
