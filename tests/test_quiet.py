from __future__ import annotations

import os

import pytest

from trimtab.quiet import quiet


def test_quiet_gives_the_terminal_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), quiet() as noise:
        os.write(1, b"hidden\n")
        os.write(2, b"also hidden\n")
        assert noise() == "hidden\nalso hidden\n"
        raise ZeroDivisionError
    os.write(1, b"shown\n")
    assert capfd.readouterr().out == "shown\n"
