"""Cron expressions and intervals, before the server sees them."""

import pytest

from trimtab.cli.kubeflow.cron import seconds, six_fields
from trimtab.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0 0 2 * * *", "0 0 2 * * *"),
        ("0 2 * * *", "0 0 2 * * *"),
        ("  */5   * * * * ", "0 */5 * * * *"),
        ("0 0 9 ? * MON-FRI", "0 0 9 ? * MON-FRI"),
        ("0 0 9 1,15 jan-jun ?", "0 0 9 1,15 jan-jun ?"),
        ("0 10-40/15 9 * * 0", "0 10-40/15 9 * * 0"),
        ("0 2 29 feb *", "0 0 2 29 feb *"),
        ("0 2 31 2,3 *", "0 0 2 31 2,3 *"),
        ("0 2 31 2/3 *", "0 0 2 31 2/3 *"),
        ("0 2 1-31 2 *", "0 0 2 1-31 2 *"),
        ("0 2 30 2 mon", "0 0 2 30 2 mon"),  # or any Monday in February
    ],
)
def test_five_or_six_fields(given, expected):
    assert six_fields(given) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("0 2 * *", "expected 5 fields"),
        ("0 0 0 2 * * *", "or 6 .seconds first., got 7"),
        ("@daily", "got 1"),
        ("60 2 * * *", "'60' is no minute"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 2 0 * *", "'0' is no day of month"),
        ("0 2 * 13 *", "'13' is no month"),
        ("0 2 * * 7", "'7' is no day of week"),
        ("0 2 * * someday", "or sun-sat"),
        ("0 2 * * 5-1", "'5-1' is no day of week"),
        ("*/0 2 * * *", "is no minute"),
        ("? 2 * * *", "is no minute"),
        ("1, 2 * * *", "'' is no minute"),
        ("1-2-3 2 * * *", "is no minute"),
        ("60 0 2 * * *", "'60' is no second"),
        ("٣ 2 * * *", "'٣' is no minute"),
        ("*/٣ 2 * * *", "is no minute"),
        ("0 2 30 2 *", "no month of 2 has a day 30: it would never run"),
        ("0 2 31 apr-jun/2,sep ?", "it would never run"),
        ("0 2 31 2/9,4 *", "it would never run"),
    ],
)
def test_what_is_wrong_is_named(given, words):
    with pytest.raises(ConfigError, match=words):
        six_fields(given)


@pytest.mark.parametrize(("given", "expected"), [("90s", 90), ("30m", 1800), ("6h", 21600), ("1d", 86400)])
def test_intervals(given, expected):
    assert seconds(given) == expected


@pytest.mark.parametrize("given", ["", "6", "59s", "0h", "1.5h", "-1h", "1 hour", "٦h"])
def test_no_intervals(given):
    with pytest.raises(ConfigError, match="a minute at least"):
        seconds(given)
