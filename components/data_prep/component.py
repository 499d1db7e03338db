"""The `data_prep` component: reads, validates, splits and preprocesses the data into TFRecord shards."""

from kfp import dsl
from kfp.dsl import Dataset, Input, Model, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def data_prep(
    config: str,
    output: str,
    run_id: str,
    recipes: list[str],
    dataset: Output[Dataset],
    champion: Input[Model] = None,
) -> None:
    """Reads, validates, splits and preprocesses the data into TFRecord shards.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        recipes: The ids of the recipes that will be applied, which must be the config's.
        dataset: Shards, schema, statistics and the content fingerprint.
        champion: The model in service, whose schema is kept where it holds; left out: there is none.
    """
    from trimtab.stages import data_prep as stage

    stage.run(
        config=config,
        run=f"{output.rstrip('/')}/{run_id}",
        recipes=recipes,
        dataset=dataset.path,
        champion=champion.path if champion else None,
    )
