"""What a preset's directory says of the data that it takes: KerasHub's files, read without KerasHub.

So the stage that prepares data needs no TensorFlow, and a server none of them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trimtab.data.encoders.preset_tokens import MASK, SEGMENTS, TOKENS, library_of
from trimtab.errors import ModelError

_TOKENIZER, _ASSETS = "tokenizer.json", "assets/tokenizer"
_LONGEST = 512
_WITH_SEGMENTS = (TOKENS, MASK, SEGMENTS)
_WITHOUT = (TOKENS, MASK)


def image_size(directory: Path) -> tuple[int, int] | None:
    """Returns the height and width that a preset's backbone was made for; None: it takes any."""
    shape = _config(directory, "config.json").get("image_shape") or []
    size = _config(directory, "image_converter.json").get("image_size") or []
    found = [*shape[:2]] if len(shape) == 3 and all(shape[:2]) else [*size]
    return (int(found[0]), int(found[1])) if len(found) == 2 and all(found) else None


def tokens(directory: Path) -> dict[str, Any] | None:
    """Returns how texts become the preset's inputs; None: it takes no texts.

    Raises:
        ModelError: If its files are damaged, or its tokenizer is none that is known here.
    """
    path = directory / _TOKENIZER
    if not path.is_file():
        return None
    name = str(_object(path).get("class_name"))
    if name not in _KNOWN:
        raise ModelError(
            f"its {name} is not known here", path=str(path), hint=f"Known are {', '.join(_KNOWN)}."
        )
    read, inputs = _KNOWN[name]
    config = _config(directory, _TOKENIZER)
    try:
        found = read(directory / _ASSETS, config)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"its tokens cannot be read: {error}", path=str(directory / _ASSETS)) from error
    backbone = _config(directory, "config.json")
    longest = backbone.get("max_sequence_length") or _LONGEST
    size = int(backbone.get("vocabulary_size") or found["size"])
    asked = _config(directory, "preprocessor.json").get("sequence_length") or longest
    return {"inputs": list(inputs), "longest": min(int(longest), int(asked)), **found, "size": size}


def _word_pieces(assets: Path, config: dict[str, Any]) -> dict[str, Any]:
    library = library_of("tokenizers")
    words = (assets / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    numbers = {word: number for number, word in enumerate(words)}
    model = library.models.WordPiece(
        numbers, unk_token=config["oov_token"], continuing_subword_prefix=config["suffix_indicator"]
    )
    tokenizer = library.Tokenizer(model)
    tokenizer.normalizer = library.normalizers.BertNormalizer(
        lowercase=bool(config["lowercase"]), strip_accents=bool(config["strip_accents"])
    )
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    return {
        "tokenizer": tokenizer.to_str(),
        "size": len(words),
        "start": numbers["[CLS]"],
        "end": numbers["[SEP]"],
        "padding": numbers["[PAD]"],
    }


def _byte_pairs(assets: Path, config: dict[str, Any]) -> dict[str, Any]:
    library = library_of("tokenizers")
    numbers = json.loads((assets / "vocabulary.json").read_text(encoding="utf-8"))
    lines = (assets / "merges.txt").read_text(encoding="utf-8").splitlines()
    pairs = [tuple(line.split(" ")) for line in lines if line.strip() and not line.startswith("#version:")]
    tokenizer = library.Tokenizer(library.models.BPE(vocab=numbers, merges=pairs))
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(
        add_prefix_space=bool(config.get("add_prefix_space"))
    )
    return {
        "tokenizer": tokenizer.to_str(),
        "size": max(numbers.values()) + 1,
        "start": numbers["<s>"],
        "end": numbers["</s>"],
        "padding": numbers["<pad>"],
    }


def _sentence_pieces(assets: Path, _config: dict[str, Any]) -> dict[str, Any]:
    content = (assets / "vocabulary.spm").read_bytes()
    model = library_of("sentencepiece").SentencePieceProcessor(model_proto=content)
    start, end, padding = (model.piece_to_id(piece) for piece in ("[CLS]", "[SEP]", "<pad>"))
    padding = padding if model.id_to_piece(padding) == "<pad>" else model.piece_to_id("[PAD]")
    size = int(model.get_piece_size())
    encoded = base64.b64encode(content).decode("ascii")
    return {"sentencepiece": encoded, "size": size, "start": start, "end": end, "padding": padding}


def _shifted_pieces(assets: Path, _config: dict[str, Any]) -> dict[str, Any]:
    """Returns those of XLM-R, whose numbers are one higher than SentencePiece's, and of ends its own."""
    content = (assets / "vocabulary.spm").read_bytes()
    size = int(library_of("sentencepiece").SentencePieceProcessor(model_proto=content).get_piece_size()) + 2
    encoded = base64.b64encode(content).decode("ascii")
    ends = {"start": 0, "end": 2, "padding": 1, "shift": 1, "unknown": 3}
    return {"sentencepiece": encoded, "size": size, **ends}


_KNOWN: dict[str, tuple[Callable[[Path, dict[str, Any]], dict[str, Any]], tuple[str, ...]]] = {
    "BertTokenizer": (_word_pieces, _WITH_SEGMENTS),
    "ElectraTokenizer": (_word_pieces, _WITH_SEGMENTS),
    "DistilBertTokenizer": (_word_pieces, _WITHOUT),
    "RobertaTokenizer": (_byte_pairs, _WITHOUT),
    "AlbertTokenizer": (_sentence_pieces, _WITH_SEGMENTS),
    "DebertaV3Tokenizer": (_sentence_pieces, _WITHOUT),
    "FNetTokenizer": (_sentence_pieces, (TOKENS, SEGMENTS)),
    "XLMRobertaTokenizer": (_shifted_pieces, _WITHOUT),
}
"""What reads a tokenizer's files, and the inputs of the backbones that go with it."""


def _config(directory: Path, name: str) -> dict[str, Any]:
    """Returns the settings in one of a preset's files; none where there is no such file."""
    path = directory / name
    config = _object(path).get("config") if path.is_file() else {}
    return config if isinstance(config, dict) else {}


def _object(path: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"it cannot be read: {error}", path=str(path)) from error
    if not isinstance(parsed, dict):
        raise ModelError("expected an object of JSON", path=str(path))
    return parsed
