from __future__ import annotations

import dataclasses
import faulthandler
import gzip
import os
import signal

import numpy as np
import pytest
from served import predict
from stages.conftest import five_candidates

from trimtab.artifacts import selection as selections
from trimtab.artifacts.evaluation import Latency
from trimtab.artifacts.selection import SelectSummary
from trimtab.artifacts.shard import EVALUATED, QUANTIZED, Outcome
from trimtab.batch import INPUT, OUTPUT
from trimtab.deploy.golden import Golden
from trimtab.evaluate import latency
from trimtab.runtimes.litert import LiteRT
from trimtab.stages import children, evaluate, select, trial

MEASURED = latency.sample


@pytest.fixture
def run_stage(home, constant_latency):
    """Returns a function that evaluates candidates and selects: -> (result, Selection, selection's path)."""

    def run(candidates, order=1, shards=2, **budget):
        home.configure(five_candidates(**budget))
        names = list(candidates)
        parts = [{name: candidates[name] for name in names[number::shards]} for number in range(shards)]
        evaluations = [
            evaluate.run(home.run, f"{number}/{shards}", home.dataset, home.outcomes(QUANTIZED, part))
            for number, part in enumerate(parts, start=1)
        ]
        found = select.run(home.run, home.dataset, "model/trained", evaluations[::order])
        artifact, selection = selections.read(home.run)
        return found, selection, artifact.path

    return run


def test_the_smaller_candidate_that_is_as_good_is_chosen(run_stage, digits_candidates, home):
    within, selection, path = run_stage(digits_candidates, order=-1, max_accuracy_drop=0.02)
    assert within is True
    assert selection.chosen == "none--float16"
    assert "none--float16 is the best balance of speed and size of 2 candidates" in selection.verdict
    by_id = {candidate.id: candidate for candidate in selection.candidates}
    assert list(by_id) == [
        "none--none",
        "none--float16",
        "none--int8",
        "magnitude-0.5--none",
        "channels-0.5--none",
    ]
    chosen, lost = by_id["none--float16"], by_id["magnitude-0.5--none"]
    assert chosen.within_budget
    assert chosen.on_pareto_front
    assert 0 < chosen.drop.upper_bound <= 0.02
    assert chosen.drop.examples == 351
    assert not lost.within_budget
    assert lost.metrics["accuracy"] < chosen.metrics["accuracy"]
    assert lost.reasons[0].startswith(("accuracy drop could be as large as ", "not tested: "))
    assert [limit.max_loss for limit in selection.proof.limits] == [0.02]
    assert selection.proof.passed == ["none--float16"]
    assert {test.candidate for test in selection.proof.tested} | set(selection.proof.not_tested) == {
        "none--float16",
        "magnitude-0.5--none",
    }
    assert not by_id["none--int8"].ok
    assert by_id["none--int8"].reasons == ["LiteRT has no 8-bit kernel for TANH"]
    assert selection.baseline == by_id["none--none"]
    assert (selection.baseline.drop.observed, selection.baseline.drop.upper_bound) == (0, 0)
    assert all(c.latency_ms.p50 > 0 for c in by_id.values() if c.ok)
    file = home.path(digits_candidates["none--float16"].ref) / "model.tflite"
    assert (path / "model.tflite").read_bytes() == file.read_bytes()


def test_the_golden_predictions_are_the_chosen_models_answers(run_stage, digits_candidates, home):
    _, _, path = run_stage(digits_candidates, max_accuracy_drop=0.02)
    golden, data = Golden.load(path / "golden.npz"), home.data()
    x, _ = data.arrays("test")
    assert golden.x[INPUT].dtype == np.uint8
    np.testing.assert_array_equal(golden.x[INPUT], x[: len(golden.x[INPUT])])
    again = {OUTPUT: predict(path, data.model_input(golden.x[INPUT]))}
    assert golden.difference(again) == 0
    assert 0 < golden.tolerance < 1e-4


def test_what_the_file_computes_in_widens_what_is_still_the_same_answer(
    run_stage, digits_candidates, monkeypatch
):
    traits = LiteRT.traits

    def on_the_fly(self, path):
        return dataclasses.replace(traits(self, path), arithmetic={"dynamic_int8": 1})

    monkeypatch.setattr(LiteRT, "traits", on_the_fly)
    _, _, path = run_stage(digits_candidates, max_accuracy_drop=0.02)
    golden = Golden.load(path / "golden.npz")
    largest = max(1.0, float(np.abs(golden.y[OUTPUT]).max()))
    assert golden.tolerance > largest / 256


def test_the_record_says_how_latency_was_measured(run_stage, digits_candidates, home, monkeypatch):
    monkeypatch.setattr(latency, "sample", MEASURED)
    _, selection, _ = run_stage(digits_candidates, threads=1)
    summary = home.record("select").read(SelectSummary)
    assert summary.latency_runs >= 200
    assert summary.threads == 1
    assert summary.cpu
    assert summary.chosen == selection.chosen


def test_a_run_that_goes_on_keeps_what_it_decided(run_stage, digits_candidates, home, monkeypatch):
    _, first, path = run_stage(digits_candidates, max_accuracy_drop=0.02)
    told = home.record("select").read(SelectSummary)
    measured = []
    measure = select.latency.measure
    monkeypatch.setattr(select.latency, "measure", lambda *given: measured.append(given) or measure(*given))
    within, again, _ = run_stage(digits_candidates, max_accuracy_drop=0.02)
    assert (within, again, measured) == (True, first, [])
    assert home.record("select").read(SelectSummary) == told

    (path / "model.tflite").write_bytes(b"damaged")
    run_stage(digits_candidates, max_accuracy_drop=0.02)
    assert measured
    monkeypatch.setattr(select, "processor", lambda: "another")
    run_stage(digits_candidates, max_accuracy_drop=0.02)
    assert len(measured) == 2


def test_nothing_within_the_budget_is_no_failure(run_stage, digits_candidates):
    within, selection, path = run_stage(digits_candidates, max_size_kb=1, max_accuracy_drop=0.001)
    assert within is False
    assert selection.chosen is None
    assert selection.verdict.startswith("No candidate is within the budget. Closest: none--float16 (")
    assert "test examples with the same rates would prove its drop." in selection.verdict
    assert "budget.max_size_kb" in selection.verdict
    assert {file.name for file in path.iterdir()} == {"selection.json", "manifest.json"}
    assert not any(candidate.within_budget for candidate in selection.candidates)


@pytest.mark.parametrize("size", ["file", "gzip"])
def test_what_is_limited_and_chosen_by_is_the_size_that_counts(run_stage, digits_candidates, home, size):
    content = (home.path(digits_candidates["none--float16"].ref) / "model.tflite").read_bytes()
    packed = len(gzip.compress(content, 9, mtime=0))
    limits = {"max_size_kb": (len(content) + packed) / 2000, "max_accuracy_drop": 0.02, "objective": "size"}
    _, selection, _ = run_stage(digits_candidates, **limits, size=size)
    half = next(each for each in selection.candidates if each.id == "none--float16")
    assert (half.size_bytes, half.gzip_bytes, half.size_counts) == (len(content), packed, size)
    assert half.counted_bytes == (packed if size == "gzip" else len(content))
    assert selection.chosen == ("none--float16" if size == "gzip" else None)


def test_what_went_no_further_than_prune_keeps_its_reason(run_stage, digits_candidates):
    reason = "accuracy falls by at least 4 %"
    _, selection, _ = run_stage({**digits_candidates, "channels-0.5--none": Outcome(reason=reason)})
    dropped = next(c for c in selection.candidates if c.id == "channels-0.5--none")
    assert not dropped.ok
    assert dropped.reasons == [reason]
    assert dropped.recipe[0]["channels"]["ratio"] == 0.5


def test_without_a_working_baseline_the_stage_fails_and_says_so(run_stage, digits_candidates, home):
    with pytest.raises(SystemExit):
        run_stage({**digits_candidates, "none--none": Outcome(reason="out of memory")})
    record = home.record("select")
    assert record.error_type == "ModelError"
    assert "the baseline cannot be judged: out of memory" in record.error


def test_a_missing_baseline_is_a_typed_error(run_stage, digits_candidates, home):
    del digits_candidates["none--none"]
    with pytest.raises(SystemExit):
        run_stage(digits_candidates)
    assert "the baseline cannot be judged: it is missing" in home.record("select").error


def test_evaluations_of_another_model_are_refused(run_stage, digits_candidates, home):
    other = home.model("other")
    content = (home.path(digits_candidates["none--none"].ref) / "model.tflite").read_bytes()
    with pytest.raises(SystemExit):
        run_stage({**digits_candidates, "none--none": home.file("other", content, other)})
    assert "the baseline was made from another model than model/trained" in home.record("select").error


def test_answers_to_other_rows_are_refused(digits_candidates, digits_dataset, home):
    files = home.outcomes(QUANTIZED, {"none--none": digits_candidates["none--none"]})
    evaluated = evaluate.run(home.run, "1/1", home.dataset, files)
    other = home.take(digits_dataset, "other")
    with pytest.raises(SystemExit):
        select.run(home.run, other, "model/trained", [evaluated])
    assert f"it was evaluated on {home.dataset}, not on {other}" in home.record("select").error


def test_what_is_no_evaluation_is_refused(run_stage, digits_candidates, home):
    with pytest.raises(SystemExit):
        select.run(home.run, home.dataset, "model/trained", [home.outcomes(QUANTIZED, digits_candidates)])
    assert "expected what was evaluated of a shard" in home.record("select").error


def test_a_changed_evaluation_is_refused_and_evaluated_again(run_stage, digits_candidates, home):
    run_stage(digits_candidates)
    files = home.outcomes(QUANTIZED, digits_candidates)
    outcomes = home.made(EVALUATED, evaluated := evaluate.run(home.run, "1/1", home.dataset, files))
    path = home.path(outcomes["none--float16"].ref) / "scores.npy"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(SystemExit):
        select.run(home.run, home.dataset, "model/trained", [evaluated])
    assert home.record("select").error_type == "ArtifactError"
    assert selections.read(home.run)[1].chosen, "the selection before stands"
    evaluated = evaluate.run(home.run, "1/1", home.dataset, files)
    entries = home.record("evaluate", "1/1").entries
    assert [entry.name for entry in entries if not entry.reused] == ["none--float16"]
    assert select.run(home.run, home.dataset, "model/trained", [evaluated])


def test_under_a_limit_of_every_class_no_class_of_the_digits_loses_more(run_stage, digits_candidates):
    limit = {"metric": "recall", "max_drop": 0.15}
    _, selection, _ = run_stage(digits_candidates, per_class=limit, slices=[])
    assert selection.chosen == "none--float16"
    by_id = {candidate.id: candidate for candidate in selection.candidates}
    before, chosen = selection.baseline.per_class, by_id["none--float16"]
    assert len(chosen.limits) == len(before) == 10
    for name, found in chosen.per_class.items():
        assert before[name].recall - found.recall <= 0.15
    lost = by_id["magnitude-0.5--none"]
    assert not lost.within_budget
    assert not all(test.holds for test in lost.limits)
    assert {test.method for test in chosen.limits} == {"exact paired proportions"}


def test_the_fastest_is_on_the_pareto_front_however_large_it_is(run_stage, digits_candidates, monkeypatch):
    def front(**fastest):
        def measure(models, *_):
            times = {name: fastest.get(name, 1.0) for name in models}
            return {name: Latency(p50=t, p95=t, p99=t, threads=1) for name, t in times.items()}, 200

        with monkeypatch.context() as patched:
            patched.setattr(select.latency, "measure", measure)
            patched.setattr(select, "processor", lambda: f"another {fastest}")  # else what was decided holds
            _, selection, _ = run_stage(digits_candidates)
        return {one.id: one.on_pareto_front for one in selection.candidates if one.ok}

    behind = next(name for name, is_on_front in front().items() if not is_on_front)
    assert front(**{behind: 0.5})[behind]


def test_a_candidate_that_crashes_where_it_is_timed_costs_itself_alone(
    run_stage, digits_candidates, home, monkeypatch
):
    task, load, crashing = os.getpid(), LiteRT.load, home.path(digits_candidates["none--float16"].ref)

    def crash(self, directory, threads=1, batch=1, streams=1):
        if os.getpid() != task and directory == crashing and threads == 2:
            faulthandler.disable()  # its report is of no use
            os.kill(os.getpid(), signal.SIGSEGV)
        return load(self, directory, threads, batch, streams)

    monkeypatch.setattr(LiteRT, "load", crash)
    monkeypatch.setattr(children, "_can_fork", lambda: True)
    _, selection, _ = run_stage(digits_candidates, threads=2, max_accuracy_drop=0.02)
    lost = next(candidate for candidate in selection.candidates if candidate.id == "none--float16")
    assert not lost.ok
    assert lost.reasons[0].startswith("it does not run on 2 threads: its process was ended by SIGSEGV")
    assert selection.chosen != "none--float16"
    assert selection.baseline.latency_ms.threads == 2


def test_a_baseline_that_crashes_ends_the_stage_with_a_word(run_stage, digits_candidates, monkeypatch, capfd):
    reason = {"none--none": "its process was ended by SIGSEGV"}
    monkeypatch.setattr(trial, "failures", lambda *_: reason)
    with pytest.raises(SystemExit):
        run_stage(digits_candidates)
    assert "the baseline cannot be judged: its process was ended by SIGSEGV" in capfd.readouterr().err
