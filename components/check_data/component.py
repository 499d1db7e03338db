"""The `check_data` component: compares the data with what the champion was trained on."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def check_data(
    config: str,
    output: str,
    run_id: str,
    forced_by: str = "",
    forced_reason: str = "",
) -> bool:
    """Compares the data with what the champion was trained on, and says what changed.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        forced_by: Who wants a retraining whatever the data; empty, nobody does.
        forced_reason: Why it is forced.

    Returns:
        Whether there is a reason to retrain.
    """
    from trimtab.stages import check_data as stage

    return stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        forced_by=forced_by,
        forced_reason=forced_reason,
    )
