import pytest
from pydantic import ValidationError

from trimtab.config.config import Config

BASE = {"data": {"train": "x"}, "model": {"architecture": "mlp"}}


def test_the_float_baseline_is_always_the_first_candidate():
    config = Config.model_validate(BASE | {"recipes": [{"prune": "channels", "quantize": ["int8"]}]})
    assert list(config.candidates()) == ["none--none", "channels-0.5--int8"]
    assert list(config.branches()) == ["none", "channels-0.5"]


def test_the_config_survives_json():
    config = Config.model_validate(
        BASE | {"tune": {}, "recipes": [{"prune": "two_four", "quantize": ["int8"]}]}
    )
    assert Config.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("name", ["runs.team", "Runs", "runs-", "x" * 64, ""])
@pytest.mark.parametrize("field", ["volume", "google_credentials_secret"])
def test_names_that_kubeflow_makes_a_volumes_name_of_are_labels(name, field):
    given = {"claim": name} if field == "volume" else name
    with pytest.raises(ValidationError, match="63 of them at most"):
        Config.model_validate(BASE | {"resources": {field: given}})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"budget": {"streams": 2}}, "each has a thread of its own, and threads is 1"),
        (
            {"budget": {"streams": 2, "threads": 2}},
            "litert answers one request at a time",
        ),
    ],
)
def test_streams_need_threads_and_a_runtime_that_has_them(more, message):
    with pytest.raises(ValidationError, match=message):
        Config.model_validate(BASE | more)


def test_streams_are_of_the_runtimes_that_have_them():
    asked = {"budget": {"streams": 2, "threads": 2}, "runtimes": ["litert", "openvino"]}
    budget = Config.model_validate(BASE | asked).budget
    assert (budget.streams_of("openvino"), budget.streams_of("litert")) == (2, 1)
