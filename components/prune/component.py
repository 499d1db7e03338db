"""The `prune` component: prunes the trained model by one recipe and fine-tunes it."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prune(
    config: str,
    output: str,
    run_id: str,
    recipe: str,
    dataset: Input[Dataset],
    hyperparameters: Input[Artifact],
    model: Input[Model],
    pruned: Output[Model],
) -> None:
    """Prunes the trained model by one recipe and fine-tunes it.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        recipe: The recipe's id.
        dataset: The prepared data.
        hyperparameters: The search's outcome.
        model: The trained model.
        pruned: The pruned model, or the reason why there is none.
    """
    from trimtab.stages import prune as stage

    stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        recipe=recipe,
        dataset=dataset.path,
        hyperparameters=hyperparameters.path,
        model=model.path,
        pruned=pruned.path,
    )
