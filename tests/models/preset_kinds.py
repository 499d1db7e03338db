"""The architectures of docs/presets.md: KerasHub's with random weights, and Keras Applications.

An architecture's layers are in the order, and of the kinds, of the presets that are published; but for those
named real, there are fewer of them, and they are narrower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

LENGTH = 12
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "the", "film", "was", "##s", "!"]
TEXTS = ("the film was good", "bad films !", "the films was bad bad !", "good good film !")


@dataclass(frozen=True)
class Preset:
    """An architecture.

    Attributes:
        make: Writes the preset into a directory; None: it is one of Keras Applications, and has none.
        size: Height and width of its images; 0: it takes texts.
        is_real: Whether layers are as many and as wide as those of the published preset.
    """

    make: Callable[[Path], None] | None
    size: int = 32
    is_real: bool = False


def _hub() -> Any:
    import keras_hub

    return keras_hub.models


def _images(name: str, config: dict[str, Any], directory: Path) -> None:
    backbone = getattr(_hub(), f"{name}Backbone")(**config)
    classifier = getattr(_hub(), f"{name}ImageClassifier", None)
    whole = classifier(backbone=backbone, preprocessor=None, num_classes=2) if classifier else backbone
    whole.save_to_preset(str(directory))


def _sentence_pieces(directory: Path, words: tuple[str, ...]) -> str:
    import sentencepiece

    prefix = directory.parent / f"{directory.name}-words"
    directory.parent.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 8),
        model_prefix=str(prefix),
        vocab_size=40,
        hard_vocab_limit=False,
        user_defined_symbols=list(words),
        **({"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1} if words else {}),
    )
    return f"{prefix}.model"


def _tokenizer(name: str, directory: Path) -> Any:
    make = getattr(_hub(), f"{name}Tokenizer")
    if name in ("Bert", "DistilBert", "Electra"):
        return make(vocabulary=WORDS, lowercase=True)
    if name == "Roberta":
        ends = ("<s>", "<pad>", "</s>", "<unk>", "Ġ", *"abdefghilmnorstw!", "th", "<mask>")
        return make(vocabulary={word: place for place, word in enumerate(ends)}, merges=["t h"])
    if name == "XLMRoberta":
        return make(proto=_sentence_pieces(directory, ()))
    own = ("[CLS]", "[SEP]", "[MASK]", *(("[PAD]",) if name == "DebertaV3" else ()))
    return make(proto=_sentence_pieces(directory, own))


def _texts(name: str, config: dict[str, Any], directory: Path) -> None:
    models = _hub()
    tokenizer = _tokenizer(name, directory)
    words = "vocab_size" if name == "Electra" else "vocabulary_size"
    longest = {"max_sequence_length": config.pop("longest", LENGTH)}
    size = max(config.pop("words", 0), tokenizer.vocabulary_size())
    backbone = getattr(models, f"{name}Backbone")(**{words: size}, **longest, **config)
    classifier = getattr(models, f"{name}TextClassifier", None)
    if classifier is None:
        backbone.save_to_preset(str(directory))
        tokenizer.save_to_preset(str(directory))
        return
    steps = getattr(models, f"{name}TextClassifierPreprocessor")(tokenizer, sequence_length=LENGTH)
    classifier(backbone=backbone, preprocessor=steps, num_classes=2).save_to_preset(str(directory))


def _transformer(layers: int, heads: int, width: int, inside: int, **more: Any) -> dict[str, Any]:
    sizes = {"num_layers": layers, "num_heads": heads, "hidden_dim": width, "intermediate_dim": inside}
    return {**sizes, **more}


def _image(name: str, *, is_real: bool = False, size: int = 32, **config: Any) -> Preset:
    return Preset(partial(_images, name, config), size, is_real)


def _text(name: str, *, is_real: bool = False, **config: Any) -> Preset:
    return Preset(partial(_texts, name, config), 0, is_real)


_SHAPE = {"image_shape": (32, 32, 3)}
_RESNET = {
    "input_conv_filters": [64],
    "input_conv_kernel_sizes": [7],
    "stackwise_num_filters": [64, 32],
    "stackwise_num_blocks": [1, 1],
    "stackwise_num_strides": [1, 2],
    **_SHAPE,
}
_RESNET_D = {**_RESNET, "input_conv_filters": [32, 32, 64], "input_conv_kernel_sizes": [3, 3, 3]}
_VIT = {"image_shape": (32, 32, 3), "num_layers": 2, "num_heads": 2, "hidden_dim": 32}
_MOBILE_V3 = {
    "stackwise_expansion": [[16], [24, 32]],
    "stackwise_num_blocks": [1, 2],
    "stackwise_num_filters": [[8], [16, 16]],
    "stackwise_kernel_size": [[3], [5, 5]],
    "stackwise_num_strides": [[2], [2, 1]],
    "stackwise_se_ratio": [[None], [0.25, 0.25]],
    "stackwise_activation": [["relu"], ["hard_swish", "hard_swish"]],
    "stackwise_padding": [[1], [2, 2]],
    "output_num_filters": 32,
    "depthwise_filters": 8,
    "depthwise_stride": 2,
    "depthwise_residual": False,
    "last_layer_filter": 32,
    "squeeze_and_excite": 0.5,
    "input_num_filters": 8,
    **_SHAPE,
}
_EFFICIENT = {
    "stackwise_kernel_sizes": [3, 3, 5],
    "stackwise_num_repeats": [1, 1, 2],
    "stackwise_input_filters": [16, 8, 16],
    "stackwise_output_filters": [8, 16, 24],
    "stackwise_expansion_ratios": [1, 4, 4],
    "stackwise_strides": [1, 2, 2],
    "stackwise_squeeze_and_excite_ratios": [0.25, 0.25, 0.25],
    "stackwise_block_types": ["v1", "v1", "v1"],
    "stackwise_width_coefficients": [1.0] * 3,
    "stackwise_depth_coefficients": [1.0] * 3,
    "stackwise_force_input_filters": [0] * 3,
    "stackwise_nores_option": [False] * 3,
    "width_coefficient": 1.0,
    "depth_coefficient": 1.0,
    "input_shape": (32, 32, 3),
}
_CSP = {
    "stem_filters": 8,
    "stem_kernel_size": 3,
    "stem_strides": 1,
    "stackwise_depth": [1, 2],
    "stackwise_strides": [1, 2],
    "stackwise_num_filters": [16, 32],
    **_SHAPE,
}
_CROSSED = {
    "bottle_ratio": [0.5, 1.0],
    "block_ratio": [1.0, 0.5],
    "expand_ratio": [2.0, 1.0],
    "down_growth": True,
}
_HG = {
    "depths": [1, 1],
    "embedding_size": 8,
    "hidden_sizes": [16, 32],
    "stem_channels": [3, 8, 8],
    "hidden_act": "relu",
    "stackwise_stage_filters": [(8, 8, 16, 1, 2, 3), (16, 8, 32, 1, 2, 3)],
    "apply_downsample": [False, True],
    **_SHAPE,
}
_SMALL = _transformer(2, 2, 32, 64)

PRESETS: dict[str, Preset] = {
    "MobileNetV3": _image("MobileNet", **_MOBILE_V3),
    "EfficientNetV1": _image("EfficientNet", **_EFFICIENT),
    "EfficientNetV2": _image(
        "EfficientNet", **{**_EFFICIENT, "stackwise_block_types": ["fused", "fused", "unfused"]}
    ),
    "EfficientNetLite": _image(
        "EfficientNet",
        **{**_EFFICIENT, "stackwise_squeeze_and_excite_ratios": [0] * 3, "activation": "relu6"},
    ),
    "ResNet, basic": _image("ResNet", block_type="basic_block", **_RESNET),
    "ResNet, bottleneck": _image("ResNet", block_type="bottleneck_block", **_RESNET),
    "ResNetV2": _image("ResNet", block_type="bottleneck_block", use_pre_activation=True, **_RESNET),
    "ResNet-vd": _image("ResNet", block_type="bottleneck_block_vd", **_RESNET_D),
    "ResNet-18": _image(
        "ResNet",
        is_real=True,
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128, 256, 512],
        stackwise_num_blocks=[2, 2, 2, 2],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        **_SHAPE,
    ),
    "DenseNet": _image("DenseNet", stackwise_num_repeats=[2, 2], growth_rate=8, **_SHAPE),
    "VGG": _image("VGG", stackwise_num_repeats=[1, 2], stackwise_num_filters=[8, 16], **_SHAPE),
    "CSPDarkNet": _image("CSPNet", block_type="dark_block", stage_type="csp", **_CSP, **_CROSSED),
    "DarkNet": _image("CSPNet", block_type="dark_block", stage_type="dark", **_CSP),
    "CSPResNet": _image("CSPNet", block_type="bottleneck_block", stage_type="csp", **_CSP, **_CROSSED),
    "HGNetV2": _image(
        "HGNetV2",
        use_learnable_affine_block=False,
        use_lightweight_conv_block=[False, False],
        **_HG,
    ),
    "HGNetV2, light": _image(
        "HGNetV2", use_learnable_affine_block=True, use_lightweight_conv_block=[False, True], **_HG
    ),
    "MiT": _image(
        "MiT",
        layerwise_depths=[1, 1],
        num_layers=2,
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[7, 3],
        layerwise_strides=[4, 2],
        hidden_dims=[8, 16],
        **_SHAPE,
    ),
    "ViT": _image("ViT", patch_size=(8, 8), mlp_dim=64, **_VIT),
    "DeiT": _image("DeiT", patch_size=(8, 8), intermediate_dim=64, **_VIT),
    "Swin": _image("SwinTransformer", embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4, **_SHAPE),
    "BERT": _text("Bert", **_SMALL),
    "BERT-tiny": _text("Bert", is_real=True, words=30_522, **_transformer(2, 2, 128, 512, longest=512)),
    "DistilBERT": _text("DistilBert", **_SMALL),
    "ELECTRA": _text("Electra", embedding_dim=8, **_SMALL),
    "RoBERTa": _text("Roberta", **_SMALL),
    "ALBERT": _text("Albert", embedding_dim=8, **_SMALL),
    "DeBERTa v3": _text("DebertaV3", bucket_size=8, **_SMALL),
    "F-Net": _text("FNet", num_layers=2, hidden_dim=32, intermediate_dim=64),
    "XLM-R": _text("XLMRoberta", **_SMALL),
} | {
    f"keras_applications/{name}": Preset(None, size, is_real=True)
    for name, size in {
        "MobileNet": 32,
        "MobileNetV2": 32,
        "MobileNetV3Small": 32,
        "MobileNetV3Large": 32,
        "EfficientNetB0": 32,
        "EfficientNetV2B0": 32,
        "NASNetMobile": 32,
        "DenseNet121": 32,
        "ResNet50": 32,
        "ResNet50V2": 32,
        "VGG16": 32,
        "Xception": 71,
        "InceptionV3": 75,
        "ConvNeXtTiny": 32,
    }.items()
}
