"""The search, on a bench that measures nothing: what a chain is worth is given by its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from trimtab.artifacts.search import Measured, SearchSummary
from trimtab.config.chains import Chain
from trimtab.config.config import Config
from trimtab.config.recipes import baseline, expand
from trimtab.errors import ModelError
from trimtab.search.search import search
from trimtab.search.space import epochs_of, space

SIZES = {"none": 100_000, "float16": 50_000, "dynamic_int8": 26_000, "int8": 27_000, "qat_int8": 27_000}
SPEEDS = {"none": 1.0, "float16": 0.9, "dynamic_int8": 2.0, "int8": 3.0, "qat_int8": 3.0}
SIZES |= {"int16x8": 27_000, "int4": 26_000}
SPEEDS |= {"int16x8": 0.05, "int4": 0.2}


class Bench:
    """Channels are what pays: the more of them go, the more is lost, and epochs win it back.

    Attributes:
        made: Ids of chains in the order they were made.
        without: Ids of those that were tried without fine-tuning.
        broken: Methods that nothing can be made with.
        loss: The strain of what is only quantized to integers.
        harm: The strain of all channels cut.
    """

    def __init__(self, broken: Sequence[str] = (), loss: float = 0.1, harm: float = 4.0) -> None:
        self.made, self.without, self.broken, self.loss, self.harm = [], [], broken, loss, harm

    def tuned(self, chains: Sequence[Chain]) -> list[Measured]:
        self.made += [chain.id for chain in chains]
        return [self._measured(chain, epochs_of((*chain.steps, chain.quantization))) for chain in chains]

    def untuned(self, chains: Sequence[Chain]) -> list[Measured]:
        self.without += [chain.id for chain in chains]
        return [self._measured(chain, 0) for chain in chains]

    def _measured(self, chain: Chain, epochs: int) -> Measured:
        names = {step.name for step in (*chain.steps, chain.quantization)}
        if names & set(self.broken):
            return Measured(reason="it cannot be made so")
        ratio = sum(getattr(step.params, "ratio", 0.0) for step in chain.steps)
        name = chain.quantization.name
        strain = (0.0 if name in ("none", "float16") else self.loss) + self.harm * ratio / (1 + epochs)
        left, speed = (1 - ratio) ** 2, SPEEDS[name]
        return Measured(
            strain=strain,
            doubt=0.1,
            size_bytes=int(SIZES[name] * left),
            gzip_bytes=int(SIZES[name] * left * (0.5 if names & {"magnitude", "cluster"} else 0.9)),
            latency_ms=left / speed,
            speed=speed / left,
        )


@pytest.fixture
def searched() -> Callable[..., SearchSummary]:
    """Returns a function that searches on a bench, given it and sections of a config."""

    def run(bench: Bench, **sections: object) -> SearchSummary:
        config = Config.model_validate(
            {"data": {"train": "x.csv"}, "model": {"architecture": "mlp"}, "recipes": "auto", **sections}
        )
        start = baseline(config.file_runtimes())
        return search(start, space(config), bench, config.budget, config.search, lambda _: None)

    return run


def chosen(found: SearchSummary) -> list[str]:
    return [chain.id for chain in expand(found.recipes, ["litert"])]


def test_what_pays_is_handed_on_and_what_saves_nothing_is_left_out_with_its_reason(searched):
    bench = Bench()
    found = searched(bench)
    best = min((tried for tried in found.tried if tried.chosen), key=lambda tried: tried.cost or 9)
    assert best.candidate.startswith("channels-0.64")
    assert best.strain is not None
    assert best.strain < 1
    reasons = {tried.candidate: tried.reason for tried in found.tried if not tried.tuned}
    assert any(name.startswith("magnitude") and "save nothing" in why for name, why in reasons.items())
    # A pass that saves nothing at one strength is tried at no other.
    assert sum(name.startswith("magnitude") for name in bench.without) == 1
    assert sum(name.startswith("channels") for name in bench.without) == 3
    assert set(chosen(found)) == {tried.candidate for tried in found.tried if tried.chosen}
    assert len(bench.made) == len(set(bench.made))


def test_of_a_pass_that_loses_too_much_nothing_stronger_is_fine_tuned(searched):
    bench = Bench(harm=12.0)
    found = searched(bench)
    names = [name for name in bench.made if name.startswith("channels")]
    assert names[0].startswith("channels-0.43")
    assert any(name.startswith("channels-0.21") for name in names)
    assert not any(name.startswith("channels-0.64") for name in names)
    assert any(
        name.startswith("channels-0.64") and "takes less away, and lost too much" in why
        for name, why in found.left_out.items()
    )
    # Where it loses nothing, it is the weaker ones that are not.
    gentle = Bench(harm=0.1)
    searched(gentle)
    assert not any(name.startswith("channels-0.21") for name in gentle.made)


def test_no_more_epochs_and_candidates_than_asked_for(searched):
    for most in (0, 5, 20, 60):
        found = searched(Bench(), search={"max_epochs": most, "max_candidates": 2})
        assert found.epochs <= most
        assert 1 <= len(found.recipes) <= 2
    assert not searched(bench := Bench(), search={"max_epochs": 0}).epochs
    assert not bench.without


def test_time_that_is_over_ends_it_with_what_there_is(searched):
    found = searched(Bench(), search={"max_minutes": 1e-9})
    assert "max_minutes" in found.stopped
    assert "none--int8" in chosen(found)


def test_a_small_file_after_gzip_is_pruned_twice(searched):
    found = searched(Bench(), budget={"objective": "size", "size": "gzip"})
    together = [name for name in chosen(found) if "channels" in name and ("mag" in name or "clus" in name)]
    assert together


def test_what_trains_its_quantization_is_tried_only_where_there_is_something_to_win_back(searched):
    spared = searched(Bench(loss=0.0))
    assert any("nothing to win back" in why for why in spared.left_out.values())
    tried = searched(Bench(loss=0.9))
    mended = [one.candidate for one in tried.tried if one.tuned and one.epochs]
    assert any("--qat--" in name or name.startswith("qat--") for name in mended)
    assert any("qat_int8" in name for name in mended)


def test_limits_of_size_and_latency_leave_out_what_cannot_keep_them(searched):
    found = searched(Bench(), budget={"max_size_kb": 20})
    assert all(name.startswith("channels") and "--none" not in name for name in chosen(found))
    assert any("20 kB" in tried.reason for tried in found.tried)
    slow = {tried.candidate: tried for tried in searched(Bench(), budget={"objective": "latency"}).tried}
    assert "gains nothing in latency" in slow["none--float16"].reason
    assert not slow["none--float16"].chosen


def test_what_cannot_be_made_costs_itself_alone(searched):
    found = searched(Bench(broken=["int8", "channels"]))
    reasons = {tried.candidate: tried.reason for tried in found.tried}
    assert reasons["none--int8"] == "it cannot be made so"
    assert "none--dynamic_int8" in chosen(found)


def test_where_nothing_gains_the_baseline_goes_on(searched):
    found = searched(Bench(broken=["float16", "int8", "dynamic_int8", "qat_int8", "channels"]))
    assert chosen(found) == ["none--none"]


def test_a_baseline_that_seems_faster_than_itself_is_not_handed_on(searched, monkeypatch):
    monkeypatch.setitem(SPEEDS, "none", 1.1)
    assert "none--none" not in chosen(searched(Bench()))


def test_a_baseline_that_cannot_be_judged_ends_it(searched):
    with pytest.raises(ModelError, match="as it is"):
        searched(Bench(broken=["none"]))
