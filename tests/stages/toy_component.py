"""The toy stage's KFP contract, as those in ``components`` are."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def count_rows(output: str, run_id: str, dataset: str) -> str:
    """Counts the rows of the dataset."""
    from stages import toy_stage as stage

    return stage.run(run_uri=f"{output.rstrip('/')}/{run_id}", dataset=dataset)
