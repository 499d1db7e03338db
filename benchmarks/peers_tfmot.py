"""TFMOT's documented recipes on a trained Keras model: QAT, PQAT, CQAT and PCQAT.

    python benchmarks/peers_tfmot.py RECIPE model.keras train.npz EPOCHS BATCH_SIZE SEED model.tflite

As its guides do: half of the weights pruned or 16 clusters, fine-tuned; then quantization-aware training that
keeps zeros or clusters; each for the epochs given, by Adam as the guides set it. trimtab only rebuilds
the model for tf_keras, as TFMOT refuses one of Keras 3, and gives LiteRT's file floats to take and to give.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

SPARSITY, CLUSTERS = 0.5, 16


def main() -> None:
    recipe, source, rows, epochs, batch_size, seed, target = sys.argv[1:]
    from trimtab.compress.tfmot.bridge import build_twin, flat
    from trimtab.models import archive
    from trimtab.runtimes.litert.mended import in_floats

    model, arrays = archive.load(Path(source)), np.load(rows)
    twin = build_twin(flat(model), arrays["x"][:8])
    import tf_keras

    tf_keras.utils.set_random_seed(int(seed))
    fit = {"epochs": int(epochs), "batch_size": int(batch_size), "verbose": 0}
    if recipe in ("PQAT", "PCQAT"):
        twin = _pruned(twin, arrays, fit)
    if recipe in ("CQAT", "PCQAT"):
        twin = _clustered(twin, arrays, fit, keeps_zeros=recipe == "PCQAT")
    quantized = _quantization_aware(recipe, twin, arrays, fit)
    Path(target).write_bytes(in_floats(_converted(quantized)))


def _fit(model: Any, rate: float, arrays: Any, fit: dict[str, int], *callbacks: Any) -> None:
    import tf_keras

    model.compile(tf_keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(arrays["x"], arrays["y"], callbacks=list(callbacks), **fit)


def _pruned(twin: Any, arrays: Any, fit: dict[str, int]) -> Any:
    from tensorflow_model_optimization.sparsity import keras as sparsity

    schedule = sparsity.ConstantSparsity(SPARSITY, begin_step=0, frequency=1)
    wrapped = sparsity.prune_low_magnitude(_copy(twin), pruning_schedule=schedule)
    _fit(wrapped, 1e-4, arrays, fit, sparsity.UpdatePruningStep())
    return sparsity.strip_pruning(wrapped)


def _clustered(twin: Any, arrays: Any, fit: dict[str, int], *, keeps_zeros: bool) -> Any:
    from tensorflow_model_optimization.clustering import keras as clustering
    from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster

    how = {
        "number_of_clusters": CLUSTERS,
        "cluster_centroids_init": clustering.CentroidInitialization.KMEANS_PLUS_PLUS,
    }
    if keeps_zeros:
        wrapped = cluster.cluster_weights(_copy(twin), preserve_sparsity=True, **how)
    else:
        wrapped = clustering.cluster_weights(_copy(twin), **how)
    _fit(wrapped, 1e-5, arrays, fit)
    return clustering.strip_clustering(wrapped)


def _quantization_aware(recipe: str, twin: Any, arrays: Any, fit: dict[str, int]) -> Any:
    from tensorflow_model_optimization.experimental import combine
    from tensorflow_model_optimization.quantization import keras as quantization

    schemes = {
        "PQAT": combine.Default8BitPrunePreserveQuantizeScheme,
        "CQAT": combine.Default8BitClusterPreserveQuantizeScheme,
        "PCQAT": lambda: combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=True),
    }
    annotated = quantization.quantize_annotate_model(twin)
    scheme = (schemes[recipe](),) if recipe in schemes else ()
    model = quantization.quantize_apply(annotated, *scheme)
    _fit(model, 1e-4, arrays, fit)
    if recipe in ("CQAT", "PCQAT"):
        from tensorflow_model_optimization.python.core.quantization.keras import collab_opts

        return collab_opts.cluster_preserve.cluster_utils.strip_clustering_cqat(model)
    return model


def _copy(twin: Any) -> Any:
    """Returns a model of its own layers: TFMOT's wrappers train those that they are given."""
    import tf_keras

    copy = tf_keras.models.clone_model(twin)
    copy.set_weights(twin.get_weights())
    return copy


def _converted(model: Any) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    content: bytes = converter.convert()
    return content


if __name__ == "__main__":
    main()
