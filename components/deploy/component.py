"""The KFP contract of `trimtab.stages.deploy`."""

from kfp import dsl
from kfp.dsl import Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def deploy(output: str, run_id: str, dataset: str, model: str, deployed: Output[Model]) -> str:
    """Promotes the chosen model in the model repository after a servability check."""
    from trimtab.stages import deploy as stage

    uri = stage.run(run_uri=f"{output.rstrip('/')}/{run_id}", dataset=dataset, model=model)
    deployed.metadata.update(stage.describe(uri, deployed.path))
    return uri
