"""What is made once a fold, where it is otherwise made once.

With ``data.test.folds`` each fold's is an entry of the content store of its own, so that a task that was
killed goes on with the fold that it was at. Tasks hand on the first fold's reference, and the others' beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trimtab.artifacts.shard import Outcome


def of_folds(make: Callable[..., Outcome], *given: Iterable[str]) -> Outcome:
    """Returns what became of a branch or a candidate in all folds: it is only worth anything in all of them.

    Args:
        make: Makes it of one fold, given its number from 0 and one of each of ``given``.
        given: References by fold.
    """
    refs: list[str] = []
    for fold, fold_refs in enumerate(zip(*given, strict=True)):
        outcome = make(fold, *fold_refs)
        if not outcome.ref:
            return Outcome(reason=f"fold {fold + 1}: {outcome.reason}" if fold else outcome.reason)
        refs.append(outcome.ref)
    return Outcome(ref=refs[0], folds=refs[1:])
