"""The KFP contract of `trimtab.stages.data_prep`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def data_prep(output: str, run_id: str, config: str = "", retrain: bool = False) -> str:
    """Reads, validates, splits and preprocesses the data into TFRecord shards."""
    from trimtab.stages import data_prep as stage

    return stage.run(run=f"{output.rstrip('/')}/{run_id}", config=config, retrain=retrain)
