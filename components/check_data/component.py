"""The KFP contract of `trimtab.stages.check_data`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def check_data(config: str, output: str, run_id: str, forced_by: str = "", forced_reason: str = "") -> bool:
    """Compares the data with what the champion was trained on, and says whether to retrain."""
    from trimtab.stages import check_data as stage

    return stage.run(
        run_uri=f"{output.rstrip('/')}/{run_id}",
        config=config,
        forced_by=forced_by,
        forced_reason=forced_reason,
    )
