"""Post-training quantization by NNCF."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.batch import Batch, rows, take
from trimtab.errors import CompressionError
from trimtab.quiet import quiet
from trimtab.runtimes.named import in_floats
from trimtab.runtimes.openvino.model import is_quantized, settings
from trimtab.runtimes.openvino.params import NncfInt8
from trimtab.runtimes.openvino.silent import ov
from trimtab.runtimes.openvino.words import reason
from trimtab.runtimes.ranges import CUT, Rule

_Example = dict[str, NDArray[Any]]


def quantized(
    graph: ov.Model, params: NncfInt8, rule: Rule, calibration: Callable[[int], Batch], name: str
) -> ov.Model:
    """Returns a graph that computes in 8-bit integers wherever OpenVINO can.

    Args:
        graph: A graph with a batch of 1.
        params: How many examples set the ranges, and how much may be lost.
        rule: How they are set.
        calibration: Gives training examples; never validation or test ones.
        name: The model's, for messages.

    Raises:
        CompressionError: If NNCF cannot take the graph, or if no operator was quantized.
    """
    # NNCF shows its progress on whatever is the standard output.
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        import nncf

        count = params.calibration_examples
        try:
            if params.max_drop is None:
                examples = nncf.Dataset(_examples(graph, calibration(count)))
                int8_graph = nncf.quantize(
                    graph,
                    examples,
                    subset_size=count,
                    ignored_scope=_in_floats(graph, params, name),
                    advanced_parameters=_ranges(rule),
                )
            else:
                int8_graph = _within(graph, params, rule, _examples(graph, calibration(2 * count)), name)
        except CompressionError:
            raise
        # NNCF raises whatever its assumptions break on.
        except Exception as error:
            raise CompressionError(reason(str(error)), field=name) from error
    if not is_quantized(int8_graph):
        raise CompressionError("no operator was quantized", field=name)
    return int8_graph


def _ranges(rule: Rule) -> Any:
    """Returns NNCF's parameters for a rule; for the first its own: the mean of the examples' ends."""
    import nncf
    from nncf.quantization import range_estimator as nncf_ranges

    # Weights of half the range: without VNNI, processors add the products of 8 bits in 16, and saturate. NNCF
    # does so in the first layer by itself; answers are to be the same on every processor.
    parameters = nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE)
    if rule == "percentile":
        end = nncf_ranges.StatisticsCollectorParameters(
            nncf_ranges.StatisticsType.QUANTILE,
            nncf_ranges.AggregatorType.MEAN_NO_OUTLIERS,
            quantile_outlier_prob=CUT,
        )
        both = nncf_ranges.RangeEstimatorParameters(min=end, max=end)
        parameters.activations_range_estimator_params = both
    elif rule == "least_squares":
        both = nncf_ranges.RangeEstimatorParametersSet.HISTOGRAM
        parameters.activations_range_estimator_params = both
    return parameters


def _in_floats(graph: ov.Model, params: NncfInt8, name: str) -> Any:
    """Returns the operators that NNCF is to leave; those that it would leave anyway are no error."""
    import nncf

    names = {each.get_friendly_name(): each.get_friendly_name() for each in graph.get_ordered_ops()}
    return nncf.IgnoredScope(names=sorted(in_floats(names, params, name)), validate=False)


def _within(graph: ov.Model, params: NncfInt8, rule: Rule, examples: list[_Example], name: str) -> ov.Model:
    """Returns the graph with as many operators in 8 bits as the agreement with the float graph allows."""
    import nncf

    half = len(examples) // 2
    judged = examples[half:] or examples
    expected = _outputs(ov.compile_model(graph, "CPU", settings(1)), judged)

    def agreement(compiled: Any, batches: Iterable[_Example]) -> tuple[float, list[float]]:
        scores = _agreement(expected, _outputs(compiled, list(batches)))
        return float(np.mean(scores)), scores.tolist()

    return nncf.quantize_with_accuracy_control(
        graph,
        calibration_dataset=nncf.Dataset(examples[:half] or examples),
        validation_dataset=nncf.Dataset(judged),
        validation_fn=agreement,
        max_drop=params.max_drop,
        subset_size=params.calibration_examples,
        ignored_scope=_in_floats(graph, params, name),
        advanced_quantization_parameters=_ranges(rule),
    )


def _agreement(expected: NDArray[Any], outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Returns how far each example's output is the same, up to 1.

    For classes: whether the first is the same. For values: 1 less the distance in standard deviations.
    """
    if expected.shape[1] > 1:
        return np.asarray(expected.argmax(axis=1) == outputs.argmax(axis=1), np.float64)
    spread = float(expected.std()) or 1.0
    return np.asarray(1 - np.abs(expected - outputs)[:, 0] / spread, np.float64)


def _outputs(compiled: Any, examples: list[_Example]) -> NDArray[Any]:
    return np.concatenate([compiled(example)[0].reshape(1, -1) for example in examples])


def _examples(graph: ov.Model, batch: Batch) -> list[_Example]:
    """Returns examples one by one, by the names in the graph; an only input's is whatever it is there."""
    if len(batch) == 1:
        batch = dict(zip((port.get_any_name() for port in graph.inputs), batch.values(), strict=True))
    return [take(batch, place, place + 1) for place in range(rows(batch))]
