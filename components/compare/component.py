"""The KFP contract of `trimtab.stages.compare`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare(output: str, run_id: str, dataset: str, forced_by: str = "", forced_reason: str = "") -> bool:
    """Judges champion and challenger on the same fresh test data."""
    from trimtab.stages import compare as stage

    return stage.run(
        run=f"{output.rstrip('/')}/{run_id}",
        dataset=dataset,
        forced_by=forced_by,
        forced_reason=forced_reason,
    )
