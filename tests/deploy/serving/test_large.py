"""Large files are decoded in a thread of their own: others need not wait, and only so many may."""

from __future__ import annotations

import io
import threading

import numpy as np
import soundfile
from PIL import Image

from trimtab.data.kinds.registry import input_kind

PREDICT = "/v1/models/digits:predict"
# Decoding a large one ends when a file is there.
HELD = """
import os, time
from trimtab.data.encoders import image
decode = image.decode
def held(content, *shape):
    while image._pixels(content) > 1000 and not os.path.exists(RELEASED):
        time.sleep(0.01)
    return decode(content, *shape)
image.decode = held
"""


def png(side):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((side, side), np.uint8)).save(buffer, "png")
    return buffer.getvalue()


def test_small_images_pass_large_ones_of_which_some_may_wait(start, digits, tmp_path, eventually):
    hook = HELD.replace("RELEASED", repr(str(tmp_path / "released")))
    server = start(digits.target, hook=hook, large_file=1000, large_files=2).ready()
    statuses = []

    def large():
        statuses.append(server.post(PREDICT, png(64), {"Content-Type": "image/png"}).status)

    threads = [threading.Thread(target=large) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: statuses == [503])  # two wait, for one thread
    for _ in range(3):
        assert server.post(PREDICT, png(8), {"Content-Type": "image/png"}).status == 200
    (tmp_path / "released").touch()
    for thread in threads:
        thread.join()
    assert statuses == [503, 200, 200]
    assert server.post(PREDICT, png(64), {"Content-Type": "image/png"}).status == 200


def test_a_header_says_how_many_values_a_file_has():
    image, sound = input_kind("image").files.values, input_kind("audio").files.values
    clip = io.BytesIO()
    soundfile.write(clip, np.zeros((500, 2)), 8000, format="wav")
    assert (image(png(64)), image(b"none")) == (64 * 64, 0)
    assert (sound(clip.getvalue()), sound(b"none")) == (1000, 0)
