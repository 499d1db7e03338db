import pytest

from trimtab.data.values.tokens import tokenize


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        ("It's GOOD, really!", ["it", "'", "s", "good", ",", "really", "!"]),
        ("  naïve   Straße  ", ["naïve", "straße"]),
        ("我喜歡tea", ["我", "喜", "歡", "tea"]),
        ("Привет, мир", ["привет", ",", "мир"]),
        ("covid-19 a_b", ["covid", "-", "19", "a_b"]),
        ("", []),
    ],
)
def test_tokens(given: str, tokens: list[str]) -> None:
    assert tokenize(given) == tokens
