import pytest

from trimtab.config.chains import short_name
from trimtab.report.charts.pareto import HEIGHT, WIDTH, pareto_plot
from trimtab.report.records.assemble import build_result


@pytest.fixture
def result(run_records):
    settings, records = run_records()
    return build_result(records, settings, "/runs/one")


@pytest.mark.parametrize("cost", ["latency", "size"])
@pytest.mark.parametrize("kind", [{}, {"regression": True}, {"prunes": 14}, {"prunes": 0}, {"classes": 2}])
def test_everyone_measured_is_drawn_inside_of_the_plot(run_records, kind, cost):
    settings, records = run_records(**kind)
    result = build_result(records, settings, "/runs/one")
    plot = pareto_plot(result, cost)
    assert len(plot.marks) == sum(candidate.ok for candidate in result.candidates)
    assert all(0 <= mark.x <= WIDTH and 0 <= mark.y <= HEIGHT for mark in plot.marks)
    assert [mark.role for mark in plot.marks].count("chosen") == 1
    assert plot.marks[-1].role == "chosen", "nothing is drawn over the chosen one"
    assert {mark.label.text for mark in plot.marks if mark.label} >= {short_name(result.chosen), "baseline"}
    assert plot.front.startswith("M")


def test_better_is_left_and_for_accuracy_up(result):
    best, worst = (
        next(c for c in result.candidates if c.id == name) for name in (result.chosen, "none--none")
    )
    marks = {mark.title.partition(":")[0]: mark for mark in pareto_plot(result, "latency").marks}
    assert marks[best.id].x < marks[worst.id].x
    assert (marks[best.id].y < marks[worst.id].y) == (best.metrics["accuracy"] > worst.metrics["accuracy"])


def test_whiskers_reach_the_proven_worst_below_the_point(result):
    marks = [mark for mark in pareto_plot(result, "size").marks if mark.worst is not None]
    assert marks
    assert all(mark.worst > mark.y for mark in marks)


def test_the_budget_is_drawn_or_said_to_be_elsewhere(result):
    plot = pareto_plot(result, "latency")
    assert plot.x_limit[1] == "0.2 ms"
    assert plot.y_limit[1] == "96.06 %"
    result.config["budget"] |= {"max_latency_ms": 50.0}
    result.proof.limits[0].max_loss = 0.4
    far = pareto_plot(result, "latency")
    assert far.x_limit is None
    assert far.y_limit is None
    assert "The budget, 50 ms, lies beyond the right edge." in far.notes
    assert any("beyond the bottom edge" in note for note in far.notes)


def test_without_limits_no_line_is_drawn(result):
    result.config["budget"] |= {"max_latency_ms": None, "max_size_kb": None}
    assert pareto_plot(result, "size").x_limit is None


def test_a_collapsed_candidate_does_not_squash_the_others(result):
    before = pareto_plot(result, "latency")
    next(c for c in result.candidates if c.id == "none--int8").metrics["accuracy"] = 0.1
    after = pareto_plot(result, "latency")
    heights = [
        max(m.y for m in plot.marks if not m.off) - min(m.y for m in plot.marks) for plot in (before, after)
    ]
    assert heights[1] > 0.8 * heights[0]
    assert [mark.off for mark in after.marks].count(True) == 1
    assert any("edge" in note for note in after.notes)


def test_one_candidate_is_no_plot(result):
    alone = result.model_copy(update={"candidates": result.candidates[:1]})
    assert pareto_plot(alone, "latency") is None


def test_names_beside_points_are_short():
    assert short_name("none--none") == "baseline"
    assert short_name("none--int8") == "int8"
    assert short_name("channels-0.5--none") == "channels-0.5"
    assert short_name("channels-0.5--int8") == "channels-0.5 int8"
