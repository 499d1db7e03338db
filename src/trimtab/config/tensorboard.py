"""The ``tensorboard`` section: what is logged."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class TensorBoard(Section):
    """What goes into the logs beside losses and metrics."""

    histograms: bool = Field(False, description="Log a histogram of every weight at the end of each epoch.")
    graph: bool = Field(False, description="Log the computation graph of the model.")
