from trimtab.train.workspace import workspace


def test_a_local_run_has_its_directories_where_it_is(tmp_path):
    with workspace(str(tmp_path), "train") as space:
        assert space.checkpoints == tmp_path / "checkpoints" / "train"
        assert space.logs == tmp_path / "tensorboard" / "train"
        space.publish()
    with workspace(str(tmp_path), "prune", "channels-0.5") as space:
        assert space.checkpoints == tmp_path / "checkpoints" / "prune.channels-0.5"
        assert space.logs == tmp_path / "tensorboard" / "prune" / "channels-0.5"


def test_another_machine_finds_what_was_published(emulator):
    with workspace("gs://bucket/runs/1", "prune", "channels-0.5") as space:
        (space.checkpoints / "a.ckpt").write_bytes(b"state")
        (space.logs / "events").write_bytes(b"curve")
        space.publish()
        stored = emulator.contents("bucket")
        assert stored == {"runs/1/checkpoints/prune.channels-0.5/a.ckpt": b"state"}
    assert emulator.contents("bucket")["runs/1/tensorboard/prune/channels-0.5/events"] == b"curve"
    with workspace("gs://bucket/runs/1", "prune", "channels-0.5") as other:
        assert other.checkpoints != space.checkpoints
        assert (other.checkpoints / "a.ckpt").read_bytes() == b"state"
        assert (other.logs / "events").read_bytes() == b"curve"


def test_a_checkpoint_that_cannot_be_published_does_not_end_the_training(emulator, monkeypatch, capsys):
    from trimtab.errors import StorageError
    from trimtab.storage.gcs import objects

    with workspace("gs://bucket/runs/1", "train") as space:
        (space.checkpoints / "a.ckpt").write_bytes(b"state")
        with monkeypatch.context() as broken:

            def fail(*_):
                raise StorageError("it kept failing")

            broken.setattr(objects.GcsObjects, "upload", fail)
            space.publish()
        assert "the checkpoint is published later: it kept failing" in capsys.readouterr().err
    assert emulator.contents("bucket") == {"runs/1/checkpoints/train/a.ckpt": b"state"}
