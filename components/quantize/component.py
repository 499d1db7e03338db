"""The `quantize` component: converts one pruned model to LiteRT by one quantization method."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def quantize(
    config: str,
    output: str,
    run_id: str,
    candidate: str,
    dataset: Input[Dataset],
    hyperparameters: Input[Artifact],
    shortlist: Input[Model],
    quantized: Output[Model],
) -> None:
    """Converts one pruned model to LiteRT by one quantization method.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        candidate: The candidate's id.
        dataset: The prepared data, for calibration on training examples.
        hyperparameters: The search's outcome.
        shortlist: The pruned models.
        quantized: The LiteRT model, or the reason why there is none.
    """
    from trimtab.stages import quantize as stage

    stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        candidate=candidate,
        dataset=dataset.path,
        hyperparameters=hyperparameters.path,
        shortlist=shortlist.path,
        quantized=quantized.path,
    )
