import pyarrow as pa

from trimtab.config.data import Data
from trimtab.config.kinds.text import Text
from trimtab.data.encoders import text
from trimtab.data.schema import Column
from trimtab.data.statistics.summary import Summary


def _settings(config: Text) -> dict[str, object]:
    rows = ["good film", "a good good film !", "bad film", "the the the end end"]
    batch = pa.record_batch({"review": rows * 5, "label": ["p", "p", "n", "n"] * 5})
    wanted = Data(train="x.csv", text=config)
    return text.fit([Column(name="review", kind="text")], Summary.of(batch, wanted), wanted)


def test_the_vocabulary_is_the_most_frequent_training_tokens() -> None:
    settings = _settings(Text(vocabulary_size=10, max_tokens=4))
    assert settings["vocabulary"] == ["film", "good", "the", "end", "!", "a", "bad"]
    encoder = text.TextEncoder(settings)
    assert encoder.vocabulary_size == 9
    batch = pa.record_batch({"other": [1, 2, 3], "review": ["Good FILM noir", None, "a a a a bad"]})
    assert encoder.encode(batch).x.tolist() == [[3, 2, 1, 0], [0, 0, 0, 0], [7, 7, 7, 7]]


def test_the_length_is_the_95th_percentile() -> None:
    assert _settings(Text())["max_tokens"] == 5


def test_where_most_words_are_new_tokens_are_pieces_of_them() -> None:
    names = [
        f"{start}_{end} it"
        for start in ("read", "write", "close")
        for end in ("file", "line", "name", "tree")
    ]
    batch = pa.record_batch({"review": names, "label": ["p", "n"] * 6})
    wanted = Data(train="x.csv")
    settings = text.fit([Column(name="review", kind="text")], Summary.of(batch, wanted), wanted)
    encoder = text.TextEncoder(settings)
    new, seen = encoder.encode(pa.record_batch({"review": ["write_tree it", "close_name it"]})).x
    assert settings["subwords"]
    assert encoder.vocabulary_size == len(settings["vocabulary"]) + 2
    assert text.UNKNOWN not in new
    assert settings["max_tokens"] == encoder.spec.shape[0] > 2
    assert [n for n in new if n][-1] == [n for n in seen if n][-1], "the same last word"
