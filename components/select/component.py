"""The KFP contract of `trimtab.stages.select` and `trimtab.stages.compare`."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def select(
    output: str,
    run_id: str,
    dataset: str,
    model: str,
    evaluations: list[str],
    forced_by: str = "",
    forced_reason: str = "",
) -> bool:
    """Measures latency side by side, proves the budget, chooses a candidate, compares it to the champion."""
    from trimtab.stages import compare, select

    run_uri = f"{output.rstrip('/')}/{run_id}"
    select.run(run_uri=run_uri, dataset=dataset, model=model, evaluations=evaluations)
    return compare.run(run_uri=run_uri, dataset=dataset, forced_by=forced_by, forced_reason=forced_reason)
