from __future__ import annotations

import pytest

from trimtab.deploy import champion


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 1}'])
def test_a_damaged_pointer_is_one_line_and_gives_no_advice(tmp_path, content):
    target, snapshot = tmp_path / "target", tmp_path / "snapshot"
    for directory in (target, snapshot):
        directory.mkdir()
    (target / "champion.json").write_bytes(content)
    found = champion.take(str(target), snapshot)
    (reason,) = found.plan.reasons
    assert "the pointer to the champion cannot be used: " in reason
    assert "champion.json: the file is damaged" in reason
    assert "\n" not in reason, "a retraining replaces it, and nobody has to"
    assert (found.pointer, found.deployment, found.record) == (content, None, None)
