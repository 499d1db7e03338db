"""The KFP contract of `trimtab.stages.prune`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prune(output: str, run: str, shard: str, dataset: str, model: str) -> str:
    """Prunes the trained model by a shard's recipes, fine-tunes, and drops what is over the budget."""
    from trimtab.stages import prune as stage
    from trimtab.stages import tokens

    return stage.run(run_uri=tokens.directory(output, run), shard=shard, dataset=dataset, model=model)
