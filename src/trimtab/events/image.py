"""Pictures as TensorBoard's Images page shows them."""

from __future__ import annotations

import io

from PIL.Image import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.image import metadata


def image_pb(tag: str, picture: Image, description: str = "") -> Summary:
    """Returns the summary of one picture.

    Args:
        tag: What it is called.
        picture: The picture.
        description: What it shows, as Markdown.
    """
    png = io.BytesIO()
    picture.save(png, "PNG", optimize=True)
    size = [str(side).encode() for side in picture.size]
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=3)])
    content = TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=[*size, png.getvalue()])
    about = metadata.create_summary_metadata(display_name=None, description=description)
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=content)])
