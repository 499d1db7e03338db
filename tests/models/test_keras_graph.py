"""What we need of the parts that Keras does not publish: what to look at first when Keras is upgraded."""

import keras
import numpy as np
import tensorflow as tf

from trimtab.models import keras_graph


def _branched() -> keras.Model:
    inputs = keras.Input((4,), name="x")
    shared = keras.layers.Dense(3, name="shared")
    left, right = shared(inputs), shared(keras.layers.Activation("relu", name="act")(inputs))
    outputs = keras.layers.Dense(2, name="head")(keras.layers.Add(name="add")([left, right]))
    return keras.Model(inputs, outputs)


def test_calls_come_after_those_they_depend_on_and_one_each_time_a_layer_is_called() -> None:
    nodes = keras_graph.calls(_branched())
    names = [node.operation.name for node in nodes]
    assert sorted(names) == ["act", "add", "head", "shared", "shared", "x"]
    assert [node.is_input for node in nodes] == [name == "x" for name in names]
    ready: set[int] = set()
    for node in nodes:
        assert all(id(tensor) in ready for tensor in node.input_tensors)
        ready |= {id(tensor) for tensor in node.outputs}


def test_a_sequential_model_has_calls_too() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")])
    (node,) = (node for node in keras_graph.calls(model) if not node.is_input)
    assert (node.operation.name, node.outputs[0].shape, node.input_tensors[0].shape) == (
        "d",
        (None, 2),
        (None, 4),
    )


def test_other_operations_can_stand_in_also_for_inputs_of_another_library() -> None:
    outputs = keras_graph.run_through(_branched(), [["in"]], lambda operation: lambda *_: operation.name)
    assert keras.tree.flatten(outputs) == ["head"]


def test_layers_and_outputs_are_told() -> None:
    model = _branched()
    assert [operation.name for operation in keras_graph.output_operations(model)] == ["head"]
    outer = keras.Model(x := keras.Input((4,)), model(x))
    assert {"shared", "head", model.name} <= {layer.name for layer in keras_graph.innermost_layers(outer)}


def test_the_variables_that_a_first_step_would_create_are_there_before_it() -> None:
    model = _branched()
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    before = [weight.numpy().copy() for weight in model.weights]
    spec = tf.TensorSpec((None, 4)), tf.TensorSpec((None, 2)), tf.TensorSpec((None,))
    keras_graph.build_variables(model, spec)
    assert model.optimizer.built
    assert len(model.optimizer.variables) == 2 + 2 * len(model.trainable_variables)
    assert len(model.metrics_variables) > 0
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_an_optimizer_tells_which_variable_it_steps() -> None:
    model = _branched()
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    seen, step = [], optimizer.update_step

    def update_step(gradient: object, variable: object, rate: object) -> None:
        seen.append(keras_graph.place_of(optimizer, variable))
        step(gradient, variable, rate)

    optimizer.update_step = update_step
    optimizer.apply([tf.ones(weight.shape) for weight in model.trainable_variables])
    assert seen == list(range(len(model.trainable_variables)))


def test_functional_models_are_known_by_their_class() -> None:
    assert isinstance(_branched(), keras_graph.Functional)
    assert not isinstance(keras.Sequential([keras.layers.Dense(1)]), keras_graph.Functional)
