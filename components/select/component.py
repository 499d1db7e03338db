"""The KFP contract of `trimtab.stages.select`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def select(output: str, run_id: str, dataset: str, model: str, evaluations: list[str]) -> bool:
    """Measures latency side by side, proves the accuracy budget and chooses a candidate."""
    from trimtab.stages import select as stage

    return stage.run(
        run=f"{output.rstrip('/')}/{run_id}", dataset=dataset, model=model, evaluations=evaluations
    )
