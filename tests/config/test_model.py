import pytest
from pydantic import ValidationError

from trimtab.config.model import Model


@pytest.mark.parametrize("wanted", ["standardized", "raw", (0.0, 255.0), None])
def test_an_archive_has_a_range_of_its_own(wanted: object) -> None:
    given = Model.model_validate({"archive": "m.keras", "input": wanted})
    assert given.input == wanted
    assert Model.model_validate_json(given.model_dump_json()) == given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"architecture": "mlp", "input": "raw"}, "input is for an archive"),
        ({"builder": "a:b", "output": "raw"}, "output is for an archive"),
        ({"archive": "m.keras", "input": [1, 0]}, "low < high"),
        ({"archive": "m.keras", "classes": ["a", "a"]}, "twice"),
        ({"architecture": "mlp", "classes": ["a", "b"]}, "classes is for an archive"),
    ],
)
def test_what_cannot_be_a_range(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Model.model_validate(given)
