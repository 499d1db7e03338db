"""The `report` component: writes result.json and the HTML report, whatever happened before it."""

from kfp import dsl
from kfp.dsl import HTML, ClassificationMetrics, Metrics, Output

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def report(
    config: str,
    output: str,
    run_id: str,
    pipeline: str,
    html: Output[HTML],
    metrics: Output[Metrics],
    confusion: Output[ClassificationMetrics],
) -> None:
    """Writes result.json and the HTML report, whatever happened before it.

    Args:
        config: The resolved config as JSON.
        output: URI of the directory that holds the runs' directories.
        run_id: The run's id: its directory's name there, for records, checkpoints and TensorBoard logs.
        pipeline: The pipeline that it reports on: `optimize` or `retrain`.
        html: The report as one self-contained page.
        metrics: Quality, size and latency of the baseline and of the chosen candidate.
        confusion: The confusion matrix of the chosen candidate, or of the baseline when none was chosen.
    """
    from trimtab.stages import report as stage

    summary = stage.run(
        config=config, run=f"{output.rstrip('/')}/{run_id}", pipeline=pipeline, html=html.path
    )
    for name, value in summary["metrics"].items():
        metrics.log_metric(name, value)
    if summary["confusion"]:
        confusion.log_confusion_matrix(summary["confusion"]["labels"], summary["confusion"]["matrix"])
