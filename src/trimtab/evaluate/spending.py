"""The level of a test on rows that have decided before.

The k-th decision gets the k(k+1)-th part of the level: 1/2, 1/6, 1/12, …, which sum up to 1. So the chance
that any of the decisions on the same rows is wrong is at most the level, however many there will be
(Bonferroni's inequality over a series without an end, which D. P. Foster and R. A. Stine, "alpha-investing: a
procedure for sequential control of expected false discoveries", JRSS B 70, 2008, call alpha-spending). It
pays for asking often. It cannot pay for candidates that somebody made by what the rows had shown before.
"""

from __future__ import annotations


def confidence(asked: float, decisions: int) -> float:
    """Returns the confidence of the last of so many decisions.

    Args:
        asked: The confidence that is to hold over all of them, such as 0.95.
        decisions: How many there are, the one that is to be made included; at least 1.
    """
    return 1 - (1 - asked) / (decisions * (decisions + 1))
