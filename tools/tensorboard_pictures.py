"""Pictures of TensorBoard's pages for docs/tensorboard.md: `python tools/tensorboard_pictures.py RUNS`.

RUNS is a directory with a run of `examples/digits.yaml`; the newest one is shown. Chromium takes
the pictures, and its path may be in the variable CHROMIUM. Look at them before you commit them: nothing else
does.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
CANDIDATES = r"review%2F%5Ba-z_%5D%2B.*--"
PAGES = {
    "scalars": (f"scalars&regexInput={CANDIDATES}&tagFilter=candidates&_smoothingWeight=0", 1280, 800),
    "curves": ("scalars&regexInput=train%7Cvalidation&tagFilter=epoch_(accuracy%7Closs)", 1280, 800),
    "hparams": ("hparams", 1900, 640),
    "graphs": ("graphs", 900, 1400),
    "histograms": ("histograms&regexInput=weights&tagFilter=conv_2_1(%2Fkernel%7C_1)", 1280, 1100),
    "images": ("images&regexInput=review%24&tagFilter=most_wrong%7Cpareto%7Cchosen", 1280, 1000),
    "pr-curves": ("pr_curves&regexInput=review&tagFilter=pr%2F(1%7C8)", 1280, 800),
    "text": ("text&regexInput=review%24&tagFilter=verdict%7Cmodel_card", 1280, 900),
    "projector": ("projector", 1280, 800),
}
"""The address of each page, and the width and height of its picture."""

COLOURS, MOST_BYTES, LOAD_SECONDS = 160, 150_000, 20


def main(runs: Path) -> None:
    """Takes every picture."""
    newest = max(runs.glob("*/tensorboard/review"), key=lambda path: path.stat().st_mtime).parents[1]
    command = [
        sys.executable,
        "-m",
        "trimtab",
        "tensorboard",
        str(newest),
        "--host",
        "127.0.0.1",
        "--port",
        "0",
    ]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        url = next(found[0] for line in server.stderr if (found := re.search(r"http://\S+?:\d+", line)))
        wait_for_runs(url)
        for name, (page, width, height) in PAGES.items():
            file = ROOT / "docs" / "images" / f"tensorboard-{name}.png"
            take(f"{url}/?darkMode=false#{page}", width, height, file)
            print(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes")
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)


def wait_for_runs(url: str) -> None:
    """Waits until TensorBoard has read all files: the list of runs is there, and does not grow."""
    before = b""
    while True:
        with urllib.request.urlopen(f"{url}/data/runs") as answer:
            found = answer.read()
        if found == before and b"review" in found:
            return
        before = found
        time.sleep(6)


def take(url: str, width: int, height: int, file: Path) -> None:
    """Takes one picture, of few colours: the pages have no more."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is missing: install it, or name it by CHROMIUM=/path/to/it")
    with tempfile.TemporaryDirectory() as temporary:
        shot = Path(temporary, "shot.png")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={shot}"]
        size = f"--window-size={width},{height}"
        budget = f"--virtual-time-budget={LOAD_SECONDS * 1000}"
        subprocess.run([chromium, *options, size, budget, url], check=True, capture_output=True, timeout=180)
        Image.open(shot).convert("RGB").quantize(COLOURS).save(file, optimize=True)
    if file.stat().st_size > MOST_BYTES:
        sys.exit(f"{file}: expected at most {MOST_BYTES:,} bytes, found {file.stat().st_size:,}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
