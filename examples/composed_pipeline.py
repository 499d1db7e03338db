"""Somebody else's training, and trimtab's components one by one behind it, from their compiled contracts.

    their_training → data_prep → train (takes the model as it came) → prune → quantize → evaluate

Compile it with `python examples/composed_pipeline.py composed.yaml`, or call it after `kfp.local.init`. What
is not used here stays away: no search, no selection, no deployment; `evaluate`'s record has the numbers.
"""

import json
import sys
from pathlib import Path

from kfp import compiler, components, dsl

COMPONENTS = Path(__file__).resolve().parent.parent / "components"
SHARD = "1/1"
CONFIG = {
    "name": "composed",
    "data": {"train": "sklearn://digits"},
    "train": {"epochs": 0},
    "recipes": [[{"magnitude": {"sparsity": 0.5, "epochs": 2}}, "int8"]],
    "budget": {"max_accuracy_drop": 0.1},
}


def load(name):
    """Returns a component of trimtab's; elsewhere, from the address of its `component.yaml`."""
    return components.load_component_from_file(str(COMPONENTS / name / "component.yaml"))


data_prep, train, prune, quantize, evaluate = map(
    load, ("data_prep", "train", "prune", "quantize", "evaluate")
)


@dsl.component(base_image="trimtab:0.1.0", install_kfp_package=False)
def their_training(output: str, run_id: str, config: str) -> str:
    """Trains a Keras model by no line of trimtab's, and returns the config that says where and what it is."""
    import json
    from pathlib import Path

    import keras
    import numpy as np
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x.reshape(-1, 8, 8, 1).astype(np.float32) / 16, y, epochs=15, verbose=0)
    archive = Path(output, run_id, "theirs.keras")
    archive.parent.mkdir(parents=True)
    model.save(archive)
    return json.dumps({**json.loads(config), "model": {"archive": str(archive), "input": [0, 1]}})


@dsl.pipeline(name="composed", description="A model of one's own, made small by trimtab's components.")
def composed(output: str, config: str = json.dumps(CONFIG)):
    """Trains, and makes candidates of what was trained.

    Args:
        output: A directory that all tasks see: on a cluster, the mount path of a volume.
        config: trimtab's config as JSON, without the model.
    """
    place = {"output": output, "run_id": dsl.PIPELINE_JOB_ID_PLACEHOLDER}
    theirs = their_training(**place, config=config)
    prepared = data_prep(**place, config=theirs.output)
    known = {"output": output, "dataset": prepared.outputs["dataset"]}
    model = train(**known, run=prepared.outputs["training"])
    shard = {**known, "run": prepared.outputs["candidates"], "shard": SHARD}
    pruned = prune(**shard, model=model.output)
    quantized = quantize(**shard, pruned=pruned.output)
    evaluate(**shard, quantized=quantized.output)


if __name__ == "__main__":
    compiler.Compiler().compile(composed, sys.argv[1])
