"""The KFP contract of `trimtab.stages.report`."""

from kfp import dsl
from kfp.dsl import HTML, ClassificationMetrics, Markdown, Metrics, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def report(
    output: str,
    run_id: str,
    pipeline: str,
    html: Output[HTML],
    card: Output[Markdown],
    metrics: Output[Metrics],
    confusion: Output[ClassificationMetrics],
) -> None:
    """Writes result.json and the HTML report, whatever happened before it."""
    from trimtab.stages import report as stage

    shown = stage.run(
        run_uri=f"{output.rstrip('/')}/{run_id}", html=html.path, pipeline=pipeline, card=card.path
    )
    metrics.metadata.update(shown["metrics"])
    if shown["confusion"]:
        confusion.log_confusion_matrix(*shown["confusion"].values())
