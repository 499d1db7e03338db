from __future__ import annotations

import pytest

from trimtab.config.data import Data
from trimtab.data.readers.registry import reader_for


@pytest.fixture
def labels(tmp_path):
    def labels(cells, **settings):
        path = tmp_path / "rows.csv"
        path.write_text("x,label\n" + "".join(f'1,"{cell}"\n' for cell in cells))
        config = Data(train=str(path), **settings)
        reader = reader_for(config.train, config)
        (partition,) = reader.partitions(config.train, config)
        return [row["label"] for batch in reader.read(partition, config) for row in batch.to_pylist()]

    return labels


def test_labels_are_one_whatever_their_case_and_blanks(labels):
    cells = ["Good", "good ", " GOOD", "very  Bad", "\uff27ood"]
    assert labels(cells, label_spelling="fold") == ["good", "good", "good", "very bad", "good"]
    assert labels(cells)[0] == "Good"


def test_several_labels_are_folded_one_by_one(labels):
    folded = labels(["Red|blue", "BLUE|red"], task="multilabel", label_spelling="fold")
    assert folded[0] == folded[1]
