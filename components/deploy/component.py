"""The `deploy` component: promotes the chosen model in the model repository after a servability check."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def deploy(
    config: str,
    output: str,
    run_id: str,
    dataset: Input[Dataset],
    model: Input[Model],
    shortlist: Input[Model],
    selection: Input[Model],
    champion: Input[Model] = None,
    comparison: Input[Artifact] = None,
) -> str:
    """Promotes the chosen model in the model repository after a servability check.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        dataset: The prepared data, for its schema.
        model: The trained model, which retraining starts from.
        shortlist: The pruned models; the one that the chosen model was made from is kept for exports.
        selection: The chosen model.
        champion: The snapshot of the champion that it was judged against; nothing else may have replaced it.
        comparison: Why it is better than the champion, or who forced it.

    Returns:
        Where the model was deployed.
    """
    from trimtab.stages import deploy as stage

    return stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        dataset=dataset.path,
        model=model.path,
        shortlist=shortlist.path,
        selection=selection.path,
        champion=champion and champion.path,
        comparison=comparison and comparison.path,
    )
