"""The KFP contract of `trimtab.stages.plan`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def plan(output: str, run_id: str) -> None:
    """Takes a snapshot of the champion, and plans the retraining by it."""
    from trimtab.stages import plan as stage

    stage.run(run_uri=f"{output.rstrip('/')}/{run_id}")
