"""The `evaluate` component: measures one candidate's quality and size on the whole test split."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    config: str,
    run: str,
    candidate: str,
    dataset: Input[Dataset],
    quantized: Input[Model],
    evaluation: Output[Artifact],
) -> None:
    """Measures one candidate's quality and size on the whole test split.

    Args:
        config: The resolved config as JSON.
        run: URI of the run's directory: records, checkpoints, TensorBoard logs.
        candidate: The candidate's id.
        dataset: The prepared data.
        quantized: The candidate.
        evaluation: Metrics, and the score of every test example.
    """
    from trimtab.stages import evaluate as stage

    stage.run(
        config=config,
        run=run,
        candidate=candidate,
        dataset=dataset.path,
        quantized=quantized.path,
        evaluation=evaluation.path,
    )
