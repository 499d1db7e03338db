from trimtab.report.charts.curves import curve_plots
from trimtab.report.records.evidence import History


def epochs(number):
    return [
        {"epoch": i, "loss": 1 / i, "val_loss": 1.2 / i, "accuracy": 1 - 0.5 / i, "learning_rate": 1e-3}
        for i in range(1, number + 1)
    ]


def test_a_panel_for_the_loss_and_one_for_each_metric():
    plots = curve_plots(History("train", epochs(5), None))
    assert [(plot.quantity, [line.kind for line in plot.lines]) for plot in plots] == [
        ("loss", ["train", "validation"]),
        ("accuracy", ["train"]),
    ]
    assert plots[0].lines[0].last == "0.2000"
    assert len(plots[0].lines[0].dots) == 5


def test_the_epoch_that_was_kept_is_marked():
    plot = curve_plots(History("train", epochs(5), 3))[0]
    assert plot.kept == plot.lines[0].dots[2][0]
    assert curve_plots(History("train", epochs(5), None))[0].kept is None


def test_one_epoch_and_hundreds_of_epochs_work():
    assert curve_plots(History("train", epochs(1), None))[0].lines
    long = curve_plots(History("train", epochs(500), None))[0]
    assert len(long.lines[0].dots) == 1, "hundreds of dots would hide the curve"


def test_no_epochs_are_no_panels():
    assert curve_plots(History("train", [], None)) == []
    assert curve_plots(History("train", [{"epoch": 1.0}], None)) == []


def test_a_rank_of_rows_of_one_kind_is_no_curve():
    """An autoencoder trains on what is normal alone."""
    rows = [{"epoch": i, "loss": 1.0, "roc_auc": 0.5, "val_roc_auc": 0.8} for i in (1, 2)]
    (plot,) = (plot for plot in curve_plots(History("train", rows, None)) if plot.quantity == "ROC AUC")
    assert [line.kind for line in plot.lines] == ["validation"]
