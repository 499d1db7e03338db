"""Which output is of which class, by what is right most often."""

import numpy as np

from trimtab.train.class_order import best_order


def test_outputs_in_another_order_are_put_into_that_of_the_labels() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 5, 200)
    right = np.eye(5)[labels] + generator.normal(0, 0.3, (200, 5))
    of_output = [3, 0, 4, 1, 2]
    order = best_order(right[:, of_output], labels)
    assert [of_output[place] for place in order] == [0, 1, 2, 3, 4]


def test_what_is_right_as_it_is_or_tells_nothing_stays() -> None:
    labels = np.arange(4).repeat(5)
    assert best_order(np.eye(4)[labels], labels) == [0, 1, 2, 3]
    assert best_order(np.ones((20, 4)), labels) == [0, 1, 2, 3]
