"""The KFP contract of `trimtab.stages.tune`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def tune(output: str, run: str, dataset: str) -> str:
    """Searches the model's and the optimizer's hyper-parameters on the validation split."""
    from trimtab.stages import tokens
    from trimtab.stages import tune as stage

    return stage.run(run_uri=tokens.directory(output, run), dataset=dataset)
