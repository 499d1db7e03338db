"""The `shortlist` component: gathers the pruned models and drops those that already break the budget."""

from kfp import dsl
from kfp.dsl import Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def shortlist(
    config: str,
    output: str,
    run_id: str,
    pruned: Input[list[Model]],
    shortlist: Output[Model],
) -> list[str]:
    """Gathers the pruned models and drops those that already break the accuracy budget.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        pruned: The pruned models of all recipes.
        shortlist: The models that remain, and why others do not.

    Returns:
        The ids of the candidates to make, never empty.
    """
    from trimtab.stages import shortlist as stage

    return stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        pruned=[item.path for item in pruned],
        shortlist=shortlist.path,
    )
