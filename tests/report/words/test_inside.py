from trimtab.artifacts.inside import Inside, LayerInside, LayersInside, OperatorTime
from trimtab.report.words.inside import error, sentences


def inside(*, size=100_000, off=0.0, spent=0.01):
    layers = [
        LayerInside(name="conv", kind="CONV_2D", size_bytes=size, error=off),
        LayerInside(name="dense", kind="FULLY_CONNECTED", size_bytes=1_000, error=off / 2),
    ]
    times = [
        OperatorTime(name="a", kind="CONV_2D", milliseconds=spent),
        OperatorTime(name="b", kind="SOFTMAX", milliseconds=0.001),
    ]
    return Inside(layers=LayersInside(layers=layers, examples=8), times=times, how_timed="counted")


def test_it_says_where_bytes_and_time_went_and_which_layer_is_furthest():
    found = sentences(inside(), inside(size=25_000, off=0.02, spent=0.003))
    assert found == [
        "100 % of what was saved comes from conv: 100 kB became 25.0 kB.",
        "75 % of the time of its operators goes into CONV_2D: 0.00300 ms, 0.0100 ms before.",
        "Furthest from the Keras model that the file was made from is conv: its output is off by 2.0 %.",
    ]


def test_floats_that_are_added_in_another_order_are_no_error():
    assert "No layer answers differently" in sentences(None, inside(off=1e-7))[-1]
    assert (error(None), error(1e-7), error(0.011)) == ("-", "none", "1.1 %")


def test_of_what_is_not_known_nothing_is_said():
    assert sentences(None, None) == []
    assert sentences(inside(), Inside()) == []
