"""Presets: their tokens are KerasHub's own, and their models are Keras' own layers that load in safe mode."""

import importlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from keras_tuner import HyperParameters

from trimtab.config.config import Config
from trimtab.config.model import Model
from trimtab.data import packed
from trimtab.data.encoders import preset as files
from trimtab.data.encoders.preset_tokens import PresetEncoder
from trimtab.errors import ModelError
from trimtab.models import archive, registry
from trimtab.models.functional import flattened
from trimtab.models.opened import opened
from trimtab.models.presets import source
from trimtab.models.spec import InputSpec, ModelSpec
from trimtab.models.tensors import answer

keras_hub = pytest.importorskip("keras_hub", reason="needs the extra hub")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "the", "film", "was", "##s", "!"]
TEXTS = ["The good films was bad!", "", "film " * 30]
SMALL = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 12}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("preset") / "bert"
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=WORDS, lowercase=True)
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=12)
    backbone = keras_hub.models.BertBackbone(vocabulary_size=len(WORDS), **SMALL)
    keras_hub.models.BertTextClassifier(
        backbone=backbone, preprocessor=preprocessor, num_classes=2
    ).save_to_preset(str(directory))
    return directory


def encoder_of(texts: Path) -> PresetEncoder:
    settings = files.tokens(texts)
    assert settings is not None
    return PresetEncoder({**settings, "column": "text", "max_tokens": settings["longest"]})


def test_texts_become_the_tokens_that_the_backbone_was_trained_with(texts: Path) -> None:
    encoder = encoder_of(texts)
    found = packed.unpack(encoder.encode(pa.record_batch({"text": TEXTS})).x, encoder.spec.parts)
    expected = keras_hub.models.BertTextClassifierPreprocessor.from_preset(str(texts))(TEXTS)
    for name, values in found.items():
        np.testing.assert_array_equal(values, np.asarray(expected[name]).astype(np.int32), err_msg=name)


def test_a_text_model_is_opened_to_layers_of_keras_answers_as_the_backbone_does_and_loads_again(
    texts: Path, tmp_path: Path
) -> None:
    parts = encoder_of(texts).spec.parts
    inputs = {n: InputSpec("text", p.shape, "int32", p.vocabulary_size) for n, p in parts.items()}
    section = Model(preset=str(texts))
    model = registry.build(
        section, ModelSpec("preset", "classification", (1,), "int32", 3, inputs=inputs), HyperParameters()
    )
    kinds = [type(layer).__name__ for layer in model.layers]
    assert "TransformerEncoder" not in kinds
    assert "MultiHeadAttention" in kinds
    batch = {name: np.ones((2, *each.shape), np.int32) for name, each in inputs.items()}
    backbone = keras_hub.models.Backbone.from_preset(str(texts))
    head = model.layers[-1]
    pooled = np.asarray(backbone(batch)["pooled_output"])
    logits = pooled @ head.get_weights()[0] + head.get_weights()[1]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answer(model, batch)["output"], expected, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = archive.load(tmp_path / "model.keras", section)
    np.testing.assert_allclose(answer(loaded, batch)["output"], expected, atol=1e-5)
    with pytest.raises(ModelError, match="not Keras' own"):
        archive.load(tmp_path / "model.keras")


def test_a_block_that_cannot_be_followed_stays_and_is_told(
    texts: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def counted(self: object, x: object, *_args: object, **_kwargs: object) -> object:
        raise TypeError("it counts what is not known")

    backbone = keras_hub.models.Backbone.from_preset(str(texts))
    monkeypatch.setattr(keras_hub.layers.TransformerEncoder, "call", counted)
    kept = opened(flattened(backbone, "bert"), "keras_hub")
    assert "TransformerEncoder" in [type(layer).__name__ for layer in kept.layers]
    told = capfd.readouterr().err
    assert "TransformerEncoder stays one layer to all methods" in told
    assert "it counts what is not known" in told


def test_a_last_layer_in_a_model_of_its_own_is_taken_off_as_well(tmp_path: Path) -> None:
    backbone = keras_hub.models.VGGBackbone([1, 1], [4, 4], image_shape=(32, 32, 3))
    directory = tmp_path / "vgg"
    keras_hub.models.VGGImageClassifier(backbone=backbone, num_classes=7).save_to_preset(str(directory))
    spec = ModelSpec("image", "classification", (32, 32, 3), "float32", 3)
    model = registry.build(Model(preset=str(directory)), spec, HyperParameters())
    assert model.output.shape == (None, 3)
    assert not [layer for layer in model.layers if getattr(layer, "units", None) == 2]


def test_an_application_takes_pixels_and_a_wrong_name_is_told() -> None:
    spec = ModelSpec("image", "classification", (32, 32, 3), "float32", 2)
    model = registry.build(Model(preset="keras_applications/MobileNetV3Small"), spec, HyperParameters())
    assert model.layers[-1].units == 2
    with pytest.raises(ModelError, match="has no MobileNet9"):
        registry.build(Model(preset="keras_applications/MobileNet9"), spec, HyperParameters())


@pytest.mark.parametrize("missing", ["keras_hub", "kagglehub"])
def test_what_is_not_installed_or_not_reached_is_told(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hub:
        def model_download(self, handle: str) -> str:
            raise OSError("Name or service not known")

    def imported(name: str) -> object:
        if name == missing and name == "keras_hub":
            raise ImportError(name="keras_hub")
        return Hub() if name == "kagglehub" else importlib.import_module(name)

    monkeypatch.setattr(source, "import_module", imported)
    expected = "keras_hub is not installed" if missing == "keras_hub" else "cannot be fetched from its hub"
    with pytest.raises(ModelError, match=expected), source.directory("bert_tiny_en_uncased"):
        pass
    if missing == "kagglehub":
        with pytest.raises(ModelError, match="knows no preset"), source.directory("no_such"):
            pass


def test_weights_are_for_applications_alone() -> None:
    with pytest.raises(ValueError, match="weights is for a preset of keras_applications"):
        Config.model_validate(
            {"name": "x", "data": {"train": "x.csv"}, "model": {"preset": "bert_tiny", "weights": "imagenet"}}
        )
