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

    summary = stage.run(
        run=f"{output.rstrip('/')}/{run_id}", html=html.path, pipeline=pipeline, card=card.path
    )
    for name, value in summary["metrics"].items():
        metrics.log_metric(name, value)
    if summary["confusion"]:
        confusion.log_confusion_matrix(summary["confusion"]["labels"], summary["confusion"]["matrix"])
