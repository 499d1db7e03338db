"""The KFP contract of `trimtab.stages.evaluate`."""

from kfp import dsl
from kfp.dsl import ClassificationMetrics, Metrics, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    output: str,
    run: str,
    shard: str,
    dataset: str,
    quantized: str,
    metrics: Output[Metrics],
    curves: Output[ClassificationMetrics],
) -> str:
    """Measures quality and size of a shard's candidates on the whole test split."""
    from trimtab.stages import evaluate as stage
    from trimtab.stages import tokens

    found, metrics.metadata, curves.metadata = stage.run_and_show(
        tokens.directory(output, run), shard, dataset, quantized
    )
    return found
