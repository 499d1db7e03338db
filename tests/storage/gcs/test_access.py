"""Who may not, and what is told of it."""

import pytest
from faults.emulator import ApiError

from trimtab.errors import ConfigError, StorageError
from trimtab.storage.objects.store import ObjectStore
from trimtab.storage.store import open_store

MALFORMED = [
    "gs://",
    "gs:///x",
    "gs://Bucket/x",
    "gs://b",
    "gs://bucket/a//b",
    "gs://bucket//a",
    "gs:/bucket/a",
]


@pytest.mark.parametrize(
    "action",
    [
        lambda store: store.read("x"),
        lambda store: store.write("x", b""),
        lambda store: store.swap("x", None, b""),
        lambda store: store.names(),
    ],
)
def test_no_bucket(emulator, action):
    with pytest.raises(ConfigError, match=r"gs://missing.*there is no such bucket") as caught:
        action(open_store("gs://missing/x"))
    assert caught.value.hint


def test_no_access_no_credentials(emulator, monkeypatch, tmp_path):
    emulator.state.denied.add("bucket")
    with pytest.raises(ConfigError, match=r"gs://bucket/x: access is denied \(403\)\n.*objectUser"):
        open_store("gs://bucket").read("x")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    key = tmp_path / "key.json"
    key.write_text('{"type": "service_account", "private_key": "PLANTED-SECRET"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    with pytest.raises(ConfigError, match="credentials") as caught:
        open_store("gs://bucket").read("x")
    assert "PLANTED" not in str(caught.value)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(caught.value.hint)


def test_what_is_denied_is_named_and_nothing_else_that_the_server_says(emulator, monkeypatch, hasty):
    monkeypatch.setattr(emulator.state, "check", deny)
    store = ObjectStore("gs://bucket", hasty)
    assert store.read("x") is None
    with pytest.raises(
        ConfigError, match=r"gs://bucket/x: access is denied.*storage.objects.create"
    ) as caught:
        store.write("x", b"")
    assert "someone" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"access is denied.*storage.objects.create"):
        store.check_writable()


def test_the_question_whether_it_can_be_written_leaves_nothing(emulator):
    open_store("gs://bucket/p").check_writable()
    assert not emulator.contents("bucket")
    with pytest.raises(ConfigError, match="there is no such bucket"):
        open_store("gs://missing/p").check_writable()


def test_a_token_that_a_server_repeats_is_not_shown(emulator, monkeypatch, hasty):
    said = "ya29.SECRET, Bearer SECRET, upload_id=SECRET, https://x/?upload_id=SECRET: this cannot be done"
    monkeypatch.setattr(emulator.state, "get", lambda *_: (_ for _ in ()).throw(ApiError(400, said)))
    with pytest.raises(StorageError, match=r"gs://bucket/x: .*400.*this cannot be done") as caught:
        ObjectStore("gs://bucket", hasty).read("x")
    assert "SECRET" not in str(caught.value)


def deny(*_):
    raise ApiError(403, "someone@example.com does not have storage.objects.create access to the bucket.")


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff", b'{"type": "service_account"}', "directory"])
def test_a_key_file_of_any_content_is_told_by_its_name(tmp_path, monkeypatch, content):
    key = tmp_path / "key.json"
    if content == "directory":
        key.mkdir()
    elif content is not None:
        key.write_bytes(content)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    with pytest.raises(
        ConfigError, match=r"gs://bucket/x: .*credentials.*GOOGLE_APPLICATION_CREDENTIALS.*key"
    ):
        open_store("gs://bucket").read("x")


@pytest.mark.parametrize("url", ["localhost:9023", "https://storage.googleapis.com", "storage"])
def test_an_emulator_is_never_the_real_service(monkeypatch, url):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    with pytest.raises(ConfigError, match="STORAGE_EMULATOR_HOST: expected"):
        open_store("gs://bucket").read("x")


@pytest.mark.parametrize("uri", [*MALFORMED, "GS://bucket/a"])
def test_a_malformed_uri_is_refused(uri):
    with pytest.raises(ConfigError, match="gs://"):
        open_store(uri)
