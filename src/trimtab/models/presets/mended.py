"""What some layers of KerasHub 0.32 say of themselves, put right: they could not be made again.

Of each, the config has keys that its constructor does not take, asks for what it does not have, or tries to
write a class down as if it were an object. Files of models hold configs.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import keras

_MODELS = "keras_hub.src.models"
_TOO_MUCH = {
    f"{_MODELS}.vit.vit_layers": ("ViTPatchingAndEmbedding",),
    f"{_MODELS}.deit.deit_layers": ("DeiTEmbeddings", "DeiTEncoder", "DeiTEncoderBlock"),
    f"{_MODELS}.mit.mit_layers": ("MixFFN", "SegFormerMultiheadAttention"),
    f"{_MODELS}.mobilenet.mobilenet_backbone": ("SqueezeAndExcite2D",),
    f"{_MODELS}.swin_transformer.swin_transformer_layers": ("WindowAttention",),
}
"""Whose configs have more than their constructors take."""


def mend() -> None:
    """Puts them right, in this process; again changes nothing."""
    for module, names in _TOO_MUCH.items():
        for name in names:
            _takes_less(getattr(import_module(module), name))
    deit = import_module(f"{_MODELS}.deit.deit_layers")
    # Both name it in their configs, and one does not have it.
    deit.DeiTEncoder.key_dim = deit.DeiTEncoderBlock.key_dim = None
    import_module(f"{_MODELS}.deberta_v3.relative_embedding").RelativeEmbedding.build = _built_inside
    _without_classes(import_module(f"{_MODELS}.swin_transformer.swin_transformer_layers"))


def _built_inside(self: Any, _shape: Any) -> None:
    """Builds what a relative embedding has inside: it makes its own weights at once, and forgets that one."""
    self.layer_norm.build((None, None, self.hidden_dim))
    self.built = True


def _takes_less(layer: Any) -> None:
    parameters = inspect.signature(layer.__init__).parameters
    known = set(parameters) | ({"name", "trainable", "dtype"} if "kwargs" in parameters else set())
    layer.from_config = classmethod(
        lambda cls, config: cls(**{key: value for key, value in config.items() if key in known})
    )


def _without_classes(swin: Any) -> None:
    """Lets Swin's layers say whether they have a part of its only class, in place of the class itself."""
    for layer, key, attribute, part in (
        (swin.PatchEmbedding, "norm_layer", "norm_layer", keras.layers.LayerNormalization),
        (swin.SwinTransformerStage, "downsample", "_downsample_cls", swin.PatchMerging),
    ):
        if not hasattr(layer, "mended"):
            layer.mended = True
            layer.get_config = _says_whether(layer.get_config, key, attribute)
            layer.from_config = _has_part(key, part)


def _says_whether(get_config: Any, key: str, attribute: str) -> Any:
    def said(self: Any) -> dict[str, Any]:
        part = getattr(self, attribute)
        setattr(self, attribute, None)
        try:
            return {**get_config(self), key: part is not None}
        finally:
            setattr(self, attribute, part)

    return said


def _has_part(key: str, part: Any) -> Any:
    return classmethod(lambda cls, config: cls(**{**config, key: part if config[key] else None}))
