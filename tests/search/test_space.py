"""What there is to try."""

from __future__ import annotations

from trimtab.config.chains import Chain
from trimtab.config.config import Config
from trimtab.config.methods import passes, quantizations
from trimtab.config.parameters import search_range
from trimtab.search.space import STRENGTHS, at_rung, epochs_of, space, strengths, variants


def config(**sections: object) -> Config:
    base = {"data": {"train": "x.csv"}, "model": {"architecture": "mlp"}, "recipes": "auto"}
    return Config.model_validate({**base, **sections})


def test_every_pass_is_tried_inside_its_search_range():
    for method in passes().values():
        tried = strengths(method)
        assert 1 <= len(tried) <= STRENGTHS
        if method.main and (searched := search_range(method.params.model_fields[method.main])):
            values = [getattr(params, method.main) for params in tried]
            listed = searched.get("values")
            assert all(
                value in listed if listed else searched["low"] < value < searched["high"] for value in values
            )
            assert len(set(values)) == len(values)


def test_without_training_rows_nothing_trains():
    found = space(config(train={"fine_tuning": False}))
    assert not found.trained
    assert all("gradients" not in passes()[steps[0].name].needs for steps in found.steps)
    assert "channels" in found.left_out
    assert found.endings[0][0].name == "none"


def test_the_files_of_a_runtime_are_only_quantized():
    brought = {"model": {"archive": "model.tflite"}, "train": {"epochs": 0}}
    found = space(config(**brought))
    assert not found.steps
    assert not found.trained


def test_rungs_are_the_epochs_that_a_pass_declares():
    steps = next(steps for steps in space(config()).steps if steps[0].name == "channels")
    chain = Chain(steps[:1], *space(config()).endings[0])
    assert [epochs_of(at_rung(chain, rung).steps) for rung in (0, 1, 2, 3, 9)] == [2, 5, 10, 20, 20]


def test_variants_have_one_parameter_changed_each():
    for method in quantizations("litert").values():
        step = Chain((), *space(config()).endings[0]).quantization
        step = type(step)(method.name, method.params())
        usual = step.params.model_dump()
        for listed in variants(step):
            changed = {
                name
                for each in listed
                for name, value in each.params.model_dump().items()
                if value != usual[name]
            }
            assert len(changed) == 1
