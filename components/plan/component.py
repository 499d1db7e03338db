"""The `plan` component: takes a snapshot of the champion, and plans the retraining by it."""

from kfp import dsl
from kfp.dsl import Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def plan(
    config: str,
    output: str,
    run_id: str,
    champion: Output[Model],
    planned: dsl.OutputPath(str),
) -> list[str]:
    """Takes a snapshot of the champion, and plans the retraining by it.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        champion: The verified champion and the pointer to it, or the reasons why there is none.
        planned: The config with the champion's recipe; without a champion, as it was.

    Returns:
        The ids of the recipes to apply, never empty.
    """
    from trimtab.stages import plan as stage

    return stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        champion=champion.path,
        planned=planned,
    )
