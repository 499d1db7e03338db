from __future__ import annotations

import shutil

import pytest

from trimtab.deploy.addressed import repository_and_version
from trimtab.errors import ConfigError


@pytest.fixture
def repository(tmp_path):
    for place in ("digits/champion.json", "2024/champion.json", "digits/3/schema.json"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("{}")
    return str(tmp_path / "digits")


@pytest.mark.parametrize("end", ["", "/"])
def test_a_version_may_be_named_by_its_path(repository, end):
    assert repository_and_version(f"{repository}/3{end}") == (repository, 3)
    assert repository_and_version(f"{repository}/3{end}", 3) == (repository, 3)
    assert repository_and_version(f"{repository}{end}", 2) == (f"{repository}{end}", 2)


def test_beside_the_working_directory(repository, monkeypatch):
    monkeypatch.chdir(repository)
    assert repository_and_version("3") == (".", 3)


def test_a_repository_may_have_a_number_for_a_name(repository):
    year = repository.replace("digits", "2024")
    assert repository_and_version(year) == (year, None)
    shutil.copyfile(f"{year}/champion.json", f"{year}/../champion.json")
    assert repository_and_version(year) == (year, None)


def test_two_versions_cannot_be_asked_for(repository):
    with pytest.raises(ConfigError, match=r"is version 3 of .* version 2 was asked for, too"):
        repository_and_version(f"{repository}/3", 2)
