"""The KFP contract of `trimtab.stages.evaluate`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(output: str, run_id: str, shard: str, dataset: str, quantized: str) -> str:
    """Measures quality and size of a shard's candidates on the whole test split."""
    from trimtab.stages import evaluate as stage

    return stage.run(run=f"{output.rstrip('/')}/{run_id}", shard=shard, dataset=dataset, quantized=quantized)
