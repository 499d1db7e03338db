"""Recipes as chains: what is expanded to what, what identifies a chain, and what is refused where."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trimtab.config.chains import BASELINE, Chain, Step
from trimtab.config.config import Config
from trimtab.config.methods import TRAITS, Method, passes, quantizations
from trimtab.config.order import destroyer
from trimtab.config.parameters import main_parameter, search_range
from trimtab.config.recipes import expand, read_chain

BASE = {"data": {"train": "x"}, "model": {"architecture": "mlp"}}
LITERT = ["litert"]


def ids(*recipes: Any, **fields: Any) -> list[str]:
    return list(Config.model_validate({**BASE, "recipes": list(recipes), **fields}).candidates())


def problems(*recipes: Any) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        expand(recipes, LITERT)
    return [(error["loc"], error["msg"]) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("int8", ["none--int8"]),
        (["int8"], ["none--int8"]),
        (["none"], []),
        (["channels"], ["channels-0.5--none"]),
        ({"magnitude": 0.5}, ["magnitude-0.5--none"]),
        ([{"channels": {"ratio": 0.25}}, "float16"], ["channels-0.25--float16"]),
        ([{"channels": [0.25, 0.5]}], ["channels-0.25--none", "channels-0.5--none"]),
        ([{"channels": {"ratio": [0.25, 0.5]}}], ["channels-0.25--none", "channels-0.5--none"]),
        ([["none", "two_four"], ["none", "int8"]], ["none--int8", "two_four--none", "two_four--int8"]),
        ([["float16", "two_four"]], ["none--float16", "two_four--none"]),
        (
            ["channels", {"magnitude": 0.5}, ["int8", "qat_int8"]],
            ["channels-0.5--magnitude-0.5--int8", "channels-0.5--magnitude-0.5--qat_int8"],
        ),
        ({"prune": "none", "quantize": ["none", "int8"]}, ["none--int8"]),
        ({"prune": {"method": "channels", "ratio": 0.3}}, ["channels-0.3--none"]),
        ({"prune": "channels", "quantize": {"method": "int8"}}, ["channels-0.5--int8"]),
        (["int8", {"runtime": "litert"}], ["none--int8"]),
    ],
)
def test_a_recipe_stands_for_every_way_to_choose(recipe: Any, expected: list[str]) -> None:
    assert ids(recipe) == [BASELINE, *expected]


def test_without_recipes_every_quantization_that_trains_nothing_is_tried() -> None:
    config = Config.model_validate(BASE)
    assert list(config.candidates()) == [BASELINE, "none--float16", "none--dynamic_int8", "none--int8"]


def test_chains_that_begin_alike_share_a_branch() -> None:
    config = Config.model_validate(
        {**BASE, "recipes": [["channels", ["none", "int8"]], ["channels", "float16"], ["int8"]]}
    )
    branches = config.branches()
    assert list(branches) == ["none", "channels-0.5"]
    assert [ending.candidate for ending in branches["channels-0.5"].endings] == [
        "channels-0.5--none",
        "channels-0.5--int8",
        "channels-0.5--float16",
    ]
    assert [ending.candidate for ending in branches["none"].endings] == [BASELINE, "none--int8"]


def test_a_chain_is_for_every_runtime_that_is_asked_and_has_its_quantization() -> None:
    both = {"runtimes": ["litert", "openvino"]}
    assert ids("int8", **both) == [BASELINE, "none--int8", "none--int8--openvino"]
    assert ids(["none"], **both) == [BASELINE, "none--none--openvino"]
    assert ids(["dynamic_int8"], **both) == [BASELINE, "none--dynamic_int8"]
    assert ids(["qat_int8"], **both) == [BASELINE, "none--qat_int8"]
    assert ids(["int8", {"runtime": "openvino"}]) == [BASELINE, "none--int8--openvino"]
    assert ids({"prune": "channels", "runtime": ["openvino", "onnxruntime"]}) == [
        BASELINE,
        "channels-0.5--none--openvino",
        "channels-0.5--none--onnxruntime",
    ]


def test_the_first_runtime_that_is_asked_gives_the_baseline_where_litert_is_not() -> None:
    config = Config.model_validate({**BASE, "recipes": [["int8"]], "runtimes": ["onnxruntime", "openvino"]})
    first, *others = config.candidates().values()
    assert (first.id, first.ending.runtime) == (BASELINE, "onnxruntime")
    assert [each.id for each in others] == ["none--int8--onnxruntime", "none--int8--openvino"]
    assert Config.model_validate({**BASE, "runtimes": ["openvino"]}).candidates().keys() == {
        BASELINE,
        "none--float16--openvino",
        "none--int8--openvino",
    }


def test_auto_is_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.config.config.installed", lambda: ("litert", "openvino"))
    config = Config.model_validate({**BASE, "recipes": [["int8"]], "runtimes": "auto"})
    assert list(config.candidates()) == [BASELINE, "none--int8", "none--int8--openvino"]
    assert config.resolved().runtimes == ["litert", "openvino"]


def test_a_quantization_that_no_runtime_has_is_told_with_those_that_have_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({**BASE, "recipes": [["channels", "qat_int8"]], "runtimes": ["openvino"]})
    (error,) = caught.value.errors()
    assert error["loc"] == ("recipes", 0, 1)
    assert "qat_int8 is a quantization of litert, and the runtimes are openvino" in error["msg"]


def test_a_parameter_that_only_one_runtime_has_is_for_that_runtime() -> None:
    few = {"int8": {"codes": 31}}
    assert ids([few])[1].startswith("none--int8--")
    ((place, _),) = problems([few, {"runtime": "openvino"}])
    assert place == (0, 0, "int8", "codes")


def test_only_what_the_stem_does_not_show_is_in_a_digest() -> None:
    usual, longer, other = ids([{"channels": {"ratio": 0.25, "epochs": [5, 6, 7]}}])[1:]
    assert usual == "channels-0.25--none"
    assert longer.startswith("channels-0.25--none--")
    assert len({usual, longer, other}) == 3
    assert len(longer) == len("channels-0.25--none--") + 6
    # What is not told exactly is not told.
    assert ids([{"channels": 0.1234567}])[1].startswith("channels-0.123457--none--")


@pytest.mark.parametrize(
    ("recipes", "place", "words"),
    [
        ([["int8", "float16"]], (0, 0), "int8 gives files: nothing can follow it"),
        ([["qat_int8", "float16"]], (0, 0), "qat_int8 gives files"),
        ([["int9"]], (0, 0), "Input should be none, float16, dynamic_int8, int8, int16x8, int4, "),
        ([["chanels", "int8"]], (0, 0), "none, channels, low_rank, magnitude, block, two_four"),
        ([[{"channels": {"ratio": 1.5}}]], (0, 0, "channels", "ratio"), "less than 1"),
        ([[{"channels": 1.5}]], (0, 0, "channels"), "less than 1"),
        ([[{"channels": [0.5, 1.5]}]], (0, 0, "channels", 1), "less than 1"),
        ([[{"channels": {"ratio": [0.5, "x"]}}]], (0, 0, "channels", "ratio", 1), "valid number"),
        ([[{"magnitude": True}]], (0, 0, "magnitude"), "valid number"),
        ([[{"two_four": 3}]], (0, 0, "two_four"), "it has no main parameter"),
        ([["int8"], ["int8"]], (1, 0), "none--int8 is listed twice"),
        ([[["int8", "int8"]]], (0, 0, 1), "none--int8 is listed twice"),
        ([["none"], [{"prune": "none"}]], (1, 0), "Input should be none"),
        ([{"prune": "none", "quantise": ["int8"]}], (0, "quantise"), "not permitted"),
        ([["int8", {"runtime": "tensorrt"}]], (0, 1, "runtime"), "Input should be litert"),
        ([[3]], (0, 0), "expected a step"),
        ([[{"channels": [0.5] * 1001}]], (0, 0), "more than 1,000 alternatives"),
        (
            [[{"channels": {"ratio": [0.5] * 999, "epochs": [1] * 999, "teacher": [None] * 999}}]],
            (0, 0),
            "1,000",
        ),
        ([[["channels"] * 40, ["channels"] * 40, "int8"]], (0,), "more than 1,000 chains"),
        ([[{"channels": 0.5, "magnitude": 0.5}]], (0, 0), "expected a step"),
        ([[{"channels": {"teacher": 5}}]], (0, 0, "channels", "teacher"), "valid dictionary"),
        (
            [["two_four", "channels", "int8"]],
            (0, 1),
            "channels would destroy what two_four made, two zeros in every four weights; this order works: "
            "[channels, two_four, int8]",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(recipes: Any, place: tuple[Any, ...], words: str) -> None:
    ((found, message), *_) = problems(*recipes)
    assert found == place
    assert words in message


def test_all_that_is_wrong_is_told() -> None:
    found = problems(["chanels", "int8"], [{"channels": {"ratio": 2, "epochs": 0}}], ["int9"])
    assert [place for place, _ in found] == [
        (0, 0),
        (1, 0, "channels", "epochs"),
        (1, 0, "channels", "ratio"),
        (2, 0),
    ]


@pytest.mark.parametrize("recipes", [[], "int8", {}, [[]], [{}], [None]])
def test_recipes_that_are_none(recipes: Any) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({**BASE, "recipes": recipes})


@pytest.mark.parametrize(
    "stored",
    [
        [{"channels": {"ratio": 0.25}}, {"int8": {}}, {"runtime": "litert"}],
        {"prune": {"method": "channels", "ratio": 0.25}, "quantize": {"method": "int8"}},
    ],
)
def test_a_stored_chain_is_read_whatever_version_wrote_it(stored: Any) -> None:
    chain = read_chain(stored)
    assert chain is not None
    assert chain.id == "channels-0.25--int8"
    assert read_chain(chain.to_json()) == chain


@pytest.mark.parametrize("stored", [None, {}, [], "x", {"prune": {"method": "lost"}}, [["int8", "none"]]])
def test_what_is_no_chain_is_none(stored: Any) -> None:
    assert read_chain(stored) is None


def _values(params: Any) -> Iterator[tuple[str, Any]]:
    """Yields every parameter of a method that is searched, with another value than its default."""
    for name, field in params.model_fields.items():
        limits = search_range(field)
        assert limits, name
        options = limits["values"] if "values" in limits else [limits["low"], limits["high"]]
        others = [value for value in options if value != getattr(params(), name)]
        if others:  # one value alone is what needs no search
            yield name, others[0]


def steps(method: Method) -> st.SearchStrategy[Step]:
    """Returns steps of a method with any of its parameters changed."""
    changes = dict(_values(method.params))
    names = st.lists(st.sampled_from(sorted(changes)), unique=True) if changes else st.just([])
    return names.map(lambda chosen: Step(method.name, method.params(**{n: changes[n] for n in chosen})))


KERAS = [method for method in passes().values() if method.keeps >= TRAITS - {"clusters", "two_four"}]
CHAINS = st.builds(
    lambda before, last: Chain(tuple(before), last, "litert"),
    st.lists(st.sampled_from(KERAS).flatmap(steps), max_size=3),
    st.sampled_from(list(quantizations("litert").values())).flatmap(steps),
)


def _is_refused(chain: Chain) -> bool:
    """Returns whether a step would destroy what an earlier one made; that this is told is tested apart."""
    known = {**passes(), **quantizations("litert")}
    return destroyer([known[step.name] for step in (*chain.steps, chain.quantization)]) is not None


@given(st.lists(CHAINS.filter(lambda chain: not _is_refused(chain)), min_size=1, max_size=6))
def test_chains_come_back_in_order_each_with_an_id_of_its_own(chains: list[Chain]) -> None:
    unique = list({chain.id: chain for chain in chains}.values())
    assert len({str(chain.to_json()) for chain in chains}) == len(unique)
    recipes = [chain.to_json() for chain in unique]
    assert expand(recipes, LITERT) == unique
    config = Config.model_validate({**BASE, "recipes": recipes})
    found = config.candidates()
    expected = [chain.id for chain in unique if chain.id != BASELINE]
    assert list(found) == [BASELINE, *expected]
    assert [found[chain.id].to_json() for chain in unique] == recipes
    assert {each.candidate for branch in config.branches().values() for each in branch.endings} == set(found)
    assert Config.model_validate_json(config.model_dump_json()) == config


@given(CHAINS, st.data())
def test_any_parameter_changes_the_id(chain: Chain, data: st.DataObject) -> None:
    all_steps = [*chain.steps, chain.quantization]
    place = data.draw(st.sampled_from(range(len(all_steps))))
    step, changes = all_steps[place], dict(_values(type(all_steps[place].params)))
    if not changes:
        return
    name = data.draw(st.sampled_from(sorted(changes)))
    usual = getattr(type(step.params)(), name)
    value = usual if getattr(step.params, name) != usual else changes[name]
    all_steps[place] = Step(step.name, type(step.params)(**{**step.params.model_dump(), name: value}))
    changed = dataclasses.replace(chain, steps=tuple(all_steps[:-1]), quantization=all_steps[-1])
    assert changed.id != chain.id
    if name == main_parameter(type(step.params)):
        assert changed.id.split("--")[0] != chain.id.split("--")[0] or place


def test_auto_is_the_baseline_until_recipes_are_found():
    assert [chain.id for chain in expand("auto", ["litert"])] == ["none--none"]
    base = {"data": {"train": "x.csv"}, "model": {"architecture": "mlp"}}
    config = Config.model_validate(base | {"recipes": "auto", "runtimes": ["litert", "openvino"]})
    assert config.is_searched
    assert config.file_runtimes() == ["litert", "openvino"]
    assert list(config.candidates()) == ["none--none"]
    assert Config.model_validate_json(config.model_dump_json()) == config
    found = config.model_copy(update={"recipes": [["int8"]]})
    assert not found.is_searched
    folds = {"data": {"train": "x.csv", "test": {"folds": 5}}}
    with pytest.raises(ValidationError, match="guided by validation rows"):
        Config.model_validate(base | folds | {"recipes": "auto"})
    with pytest.raises(ValidationError, match="list"):
        Config.model_validate(base | {"recipes": "automatic"})
