"""The page in a real browser, judged by axe-core: nothing serious, by day and by night, wide and on a phone.

axe-core is not part of trimtab: ``npm install axe-core`` anywhere, and ``TRIMTAB_TEST_AXE`` names its
``axe.min.js``.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from trimtab.report.across import across
from trimtab.report.html import across as across_page
from trimtab.report.html.page import render
from trimtab.report.records.assemble import build_result
from trimtab.report.records.evidence import gather_evidence

pytestmark = pytest.mark.slow
_NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in _NAMES if (found := shutil.which(name))), None)
AXE = os.environ.get("TRIMTAB_TEST_AXE", "")
_RUN = """
<script>{axe}</script>
<script>
document.querySelectorAll("details").forEach((one) => {{ one.open = true; }});
axe.run().then((found) => {{
  const told = found.violations.map((one) => [one.impact, one.id, one.nodes[0].html]);
  const place = document.createElement("pre");
  place.id = "axe-says";
  place.textContent = JSON.stringify({{
    found: told, width: [document.documentElement.scrollWidth, innerWidth],
    dark: matchMedia("(prefers-color-scheme: dark)").matches }});
  document.body.append(place);
}});
</script>
</body>
"""


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    if BROWSER is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is installed")
    if not Path(AXE).is_file():
        pytest.skip("TRIMTAB_TEST_AXE names no axe.min.js")
    return str(request.param)


def judged(page: str, scheme: str, width: int, directory: Path) -> dict:
    """Returns what axe finds in a page."""
    script = _RUN.format(axe=Path(AXE).read_text())
    file = directory / "page.html"
    file.write_text(page.replace("</body>", script))
    done = subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            f"--user-data-dir={directory / 'profile'}", "--virtual-time-budget=60000",
            f"--window-size={width},900", f"--blink-settings=preferredColorScheme={int(scheme == 'light')}",
            file.as_uri(),
        ],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    (text,) = re.findall(r'<pre id="axe-says">(.*?)</pre>', done.stdout, re.DOTALL)
    return json.loads(html.unescape(text))


def pages(run_records, retrain_records) -> dict[str, str]:
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    again, retrained = retrain_records(finding="worse", promote=False)
    return {
        "deployed": render(result, gather_evidence(records)),
        "failed": render(build_result(records[:3], settings, "/runs/one"), gather_evidence(records[:3])),
        "retrained": render(
            build_result(retrained, again, "/runs/two", is_retraining=True), gather_evidence(retrained)
        ),
        "across": across_page.render([result, result], across([result, result])),
    }


@pytest.mark.parametrize("width", [1280, 500])
def test_axe_finds_nothing_serious(run_records, retrain_records, scheme, width, tmp_path):
    for name, page in pages(run_records, retrain_records).items():
        found = judged(page, scheme, width, tmp_path)
        assert found["dark"] == (scheme == "dark"), "the scheme that was asked for"
        assert [one for one in found["found"] if one[0] in ("serious", "critical")] == [], name
        assert found["width"][0] <= found["width"][1], f"{name} is wider than the window"
