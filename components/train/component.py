"""The `train` component: trains the model, exactly resumable."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(
    config: str,
    run: str,
    dataset: Input[Dataset],
    hyperparameters: Input[Artifact],
    model: Output[Model],
    champion: Input[Model] = None,
) -> None:
    """Trains the model, exactly resumable.

    Args:
        config: The resolved config as JSON.
        run: URI of the run's directory: records, checkpoints, TensorBoard logs.
        dataset: The prepared data.
        hyperparameters: The search's outcome.
        model: The trained Keras 3 model, its history and its validation scores.
        champion: The snapshot of the champion that is retrained; training starts from its weights.
    """
    from trimtab.stages import train as stage

    stage.run(
        config=config,
        run=run,
        dataset=dataset.path,
        hyperparameters=hyperparameters.path,
        model=model.path,
        champion=champion and champion.path,
    )
