"""The KFP contract of `trimtab.stages.quantize`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def quantize(output: str, run: str, shard: str, dataset: str, pruned: str) -> str:
    """Turns a shard's pruned models into the files of runtimes, quantized as its recipes say."""
    from trimtab.stages import quantize as stage
    from trimtab.stages import tokens

    return stage.run(run_uri=tokens.directory(output, run), shard=shard, dataset=dataset, pruned=pruned)
