"""The `tune` component: searches the model's and the optimizer's hyper-parameters on the validation split."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def tune(
    config: str,
    output: str,
    run_id: str,
    dataset: Input[Dataset],
    hyperparameters: Output[Artifact],
    champion: Input[Model] = None,
) -> None:
    """Searches the model's and the optimizer's hyper-parameters on the validation split.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        dataset: The prepared data.
        hyperparameters: The best hyper-parameters; empty when the config has no `tune` section.
        champion: The snapshot of the champion that is retrained; its hyper-parameters are taken, unsearched.
    """
    from trimtab.stages import tune as stage

    stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        dataset=dataset.path,
        hyperparameters=hyperparameters.path,
        champion=champion and champion.path,
    )
