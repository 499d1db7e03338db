"""The `train` component: trains the model, exactly resumable."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(
    config: str,
    output: str,
    run_id: str,
    dataset: Input[Dataset],
    hyperparameters: Input[Artifact],
    model: Output[Model],
    champion: Input[Model] = None,
) -> None:
    """Trains the model, exactly resumable.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        dataset: The prepared data.
        hyperparameters: The search's outcome.
        model: The trained Keras 3 model, its history and its validation scores.
        champion: The snapshot of the champion that is retrained; training starts from its weights.
    """
    from trimtab.stages import train as stage

    stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        dataset=dataset.path,
        hyperparameters=hyperparameters.path,
        model=model.path,
        champion=champion and champion.path,
    )
