"""The KFP contract of `trimtab.stages.data_prep`."""

from typing import NamedTuple

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def data_prep(output: str, run_id: str, config: str = "", retrain: bool = False) -> NamedTuple(
    "Prepared", [("dataset", str), ("training", str), ("candidates", str)]
):
    """Reads, validates, splits and preprocesses the data into TFRecord shards."""
    from trimtab.stages import data_prep as stage
    from trimtab.stages import tokens

    run_uri = f"{output.rstrip('/')}/{run_id}"
    return tokens.prepared(run_uri, stage.run(run_uri=run_uri, config=config, retrain=retrain))
