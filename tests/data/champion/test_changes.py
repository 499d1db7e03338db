from trimtab.data.champion.changes import changes_between

BEFORE = {"train": {"a.csv": "1", "b.csv": "2", "c.csv": "3"}, "test": {"t.csv": "4"}}


def test_nothing_changed_has_no_words() -> None:
    assert changes_between(BEFORE, BEFORE, {"train": 5}, {"train": 5}).words() == []


def test_files_and_rows_are_named() -> None:
    after = {"train": {"a.csv": "1", "b.csv": "other", "d.csv": "5"}, "test": {"t.csv": "4"}}
    found = changes_between(
        BEFORE,
        after,
        {"train": 1000, "test": 50, "validation": 7},
        {"train": 2200, "test": 49, "validation": 7},
    )
    assert (found.added.first, found.removed.first, found.changed.first) == (
        ["train/d.csv"],
        ["train/c.csv"],
        ["train/b.csv"],
    )
    assert found.words() == [
        "1 file new: train/d.csv",
        "1 file gone: train/c.csv",
        "1 file changed: train/b.csv",
        "train: 2,200 rows, 1,200 more than before",
        "test: 49 rows, 1 fewer than before",
    ]


def test_of_very_many_files_the_first_are_named() -> None:
    after = {"train": {f"{number:06d}.png": "1" for number in range(100_000)}}
    found = changes_between({}, after)
    assert (found.added.count, len(found.added.first)) == (100_000, 100)
    assert found.words()[0].endswith("train/000004.png and 99,995 more")


def test_a_split_that_is_newly_given_is_a_change() -> None:
    assert changes_between({"train": {"a": "1"}}, {"train": {"a": "1"}, "test": {"a": "1"}}).added.count == 1
