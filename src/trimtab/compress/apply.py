"""One step of a chain, applied to a Keras model, and what every pass has around it.

The batch-norm statistics of a model that a pass has cut are measured again before it is fine-tuned, and
afterwards where that helps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from trimtab.compress import traits
from trimtab.compress.base import Context
from trimtab.compress.recalibration import recalibrate, recalibrate_where_better
from trimtab.config.chains import Step
from trimtab.config.fine_tuning import FineTuning
from trimtab.errors import CompressionError
from trimtab.registry import PASSES, module

if TYPE_CHECKING:
    import keras


def apply(step: Step, model: keras.Model, context: Context) -> keras.Model:
    """Returns the Keras model that a pass makes of another, which keeps its weights.

    What earlier steps made of the model, its traits, outlives the pass, or the pass is refused.

    Args:
        step: A pass that gives Keras models, with its parameters.
        model: A Keras model.
        context: What the pass may use.

    Raises:
        CompressionError: If the model cannot take the pass, or has a trait that the pass would destroy.
        TrainingError: If a fine-tuning diverges.
    """
    declared = module(PASSES, step.name).PASS
    check_keeps(step, model)
    result = cast("keras.Model", declared(model, step.params, _recalibrating(context)))
    if result is not model:
        recalibrate_where_better(result, context)
    lost = traits.lost(model, result)
    if lost:
        raise CompressionError(f"{step.name} destroyed what an earlier step made: {lost}", field=model.name)
    return result


def _recalibrating(context: Context) -> Context:
    """Returns a context whose fine-tuning starts with the statistics of the model as it was cut."""

    def fine_tune(model: Any, tuning: FineTuning, *, library: Any = None, **options: Any) -> None:
        if library is None:
            recalibrate(model, context)
        context.fine_tune(model, tuning, library=library, **options)

    return replace(context, fine_tune=fine_tune)


def check_keeps(step: Step, model: keras.Model) -> None:
    """Refuses a pass that would destroy a trait of a model, before it is applied.

    Raises:
        CompressionError: If it would.
    """
    destroyed = traits.measure(model).names - module(PASSES, step.name).PASS.keeps
    if destroyed:
        words = " and ".join(traits.WORDS[name] for name in sorted(destroyed))
        raise CompressionError(
            f"{step.name} would destroy {words} of the model",
            field=model.name,
            hint=f"Put {step.name} before the step that makes them.",
        )
