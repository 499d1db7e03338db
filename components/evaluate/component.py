"""The KFP contract of `trimtab.stages.evaluate`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(output: str, run: str, shard: str, dataset: str, quantized: str) -> str:
    """Measures quality and size of a shard's candidates on the whole test split."""
    from trimtab.stages import evaluate as stage
    from trimtab.stages import tokens

    return stage.run(run=tokens.directory(output, run), shard=shard, dataset=dataset, quantized=quantized)
