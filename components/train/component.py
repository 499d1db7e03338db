"""The KFP contract of `trimtab.stages.train`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(output: str, run_id: str, dataset: str, hyperparameters: str = "") -> str:
    """Trains the model, exactly resumable, or takes one that is trained already as it came."""
    from trimtab.stages import train as stage

    return stage.run(run=f"{output.rstrip('/')}/{run_id}", dataset=dataset, hyperparameters=hyperparameters)
