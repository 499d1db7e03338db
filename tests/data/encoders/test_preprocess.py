import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.encoders import preprocess
from trimtab.data.schema import Column
from trimtab.data.statistics.summary import Summary
from trimtab.errors import ConfigError


def test_a_table_has_no_common_range() -> None:
    config = Data(train="x.csv")
    summary = Summary.of(pa.record_batch({"size": [1.0, 2.0]}), config)
    with pytest.raises(ConfigError, match=r"model\.input: expected standardized or raw for tabular"):
        preprocess.fit([Column(name="size", kind="numeric")], summary, config, (0.0, 1.0))
