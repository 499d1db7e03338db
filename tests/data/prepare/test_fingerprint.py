import numpy as np
import pyarrow as pa

from trimtab.data.prepare.fingerprint import Fingerprint
from trimtab.data.values.hashing import joined_digests, row_digests

ROWS = pa.record_batch({"a": np.arange(3000) % 700, "label": np.arange(3000) % 3})
SIDES = (np.arange(3000) % 5 == 0).astype(np.int8)


def _fingerprint(batch: pa.RecordBatch, sides: np.ndarray) -> Fingerprint:
    found = Fingerprint()
    found.add(joined_digests(row_digests(batch, ["a"]), row_digests(batch, ["label"])), sides)
    return found


def _hex(fingerprint: Fingerprint) -> str:
    return fingerprint.hexdigest(["a", "label"])


def test_the_order_and_the_partitions_do_not_matter() -> None:
    whole = _hex(_fingerprint(ROWS, SIDES))
    order = np.random.default_rng(0).permutation(3000)
    assert _hex(_fingerprint(ROWS.take(pa.array(order)), SIDES[order])) == whole
    merged = Fingerprint()
    for start in range(0, 3000, 700):
        merged = merged.merge(_fingerprint(ROWS.slice(start, 700), SIDES[start : start + 700]))
    assert _hex(merged) == whole


def test_every_change_of_the_content_matters() -> None:
    seen = {_hex(_fingerprint(ROWS, SIDES))}
    variants = [
        (ROWS.slice(1), SIDES[1:]),
        (ROWS, np.roll(SIDES, 1)),
        (ROWS.set_column(1, "label", pa.array((np.arange(3000) + (np.arange(3000) == 7)) % 3)), SIDES),
    ]
    # A row that occurs an even number of times is not the same as none of it.
    doubled = pa.concat_tables([pa.table(ROWS), pa.table(ROWS.slice(5, 1)), pa.table(ROWS.slice(5, 1))])
    variants.append((doubled.combine_chunks().to_batches()[0], np.append(SIDES, [0, 0]).astype(np.int8)))
    for batch, sides in variants:
        seen.add(_hex(_fingerprint(batch, sides)))
    seen.add(_fingerprint(ROWS, SIDES).hexdigest(["b", "label"]))
    assert len(seen) == 6
