"""Whether a decision can be made under every limit: ``benchmarks/deciding.py``, in short."""

import numpy as np


def test_a_decision_of_few_candidates_is_made_under_every_limit(benchmark):
    deciding = benchmark("deciding")
    for name in deciding.LIMITS:
        figures = deciding.decide(name, 3, 400)
        assert set(figures) == {"seconds", "peak_mb"}, name
        assert np.isfinite(list(figures.values())).all()
