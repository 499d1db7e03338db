"""The KFP contract of `trimtab.stages.train`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(output: str, run: str, dataset: str, hyperparameters: str = "") -> str:
    """Trains the model, exactly resumable, or takes one that is trained already as it came."""
    from trimtab.stages import tokens
    from trimtab.stages import train as stage

    return stage.run(run_uri=tokens.directory(output, run), dataset=dataset, hyperparameters=hyperparameters)
