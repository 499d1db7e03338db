import pytest

from trimtab.errors import ConfigError
from trimtab.storage import volumes

# As a pod of Kubeflow's has them: a container's own root, a claim, and directories of the pod's own.
MOUNTS = """\
101 90 0:77 / / rw,relatime - overlay overlay rw,lowerdir=/l
102 101 0:80 / /proc rw - proc proc rw
103 101 259:1 /pods/1a/volumes/kubernetes.io~empty-dir/minio-scratch /minio rw - ext4 /dev/vda1 rw
104 101 259:1 /var/local-path-provisioner/pvc-1_kubeflow_trimtab-runs /trimtab rw,relatime - ext4 /dev/vda1 rw
105 101 0:91 / /mnt/my\\040claim rw,relatime - nfs4 server:/export rw
106 101 0:92 / /dev/shm rw - tmpfs tmpfs rw
107 101 0:93 /storage/pvc-2_kubeflow_runs /claim rw - tmpfs tmpfs rw
"""


@pytest.fixture
def pod(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr(volumes, "_MOUNTS", mounts)
    monkeypatch.setenv("KFP_POD_NAME", "trimtab-optimize-x-1")
    return mounts


@pytest.mark.parametrize(
    "path", ["/trimtab/runs", "/trimtab", "/mnt/my claim/runs/1", "/claim/runs", "gs://bucket/runs"]
)
def test_what_outlives_a_pod_is_taken(pod, path):
    volumes.check_outlives_pod(path, "output")


@pytest.mark.parametrize(
    "path", ["/tmp/runs", "/", "runs", "/minio/runs", "/dev/shm/runs", "/trimtab2", "/trimtab/../x"]
)
def test_what_is_lost_with_a_pod_is_told_before_it_is_written(pod, path):
    with pytest.raises(ConfigError, match="lost with it") as caught:
        volumes.check_outlives_pod(path, "output")
    assert (caught.value.path, caught.value.field) == (path, "output")


def test_elsewhere_any_path_will_do(pod, monkeypatch):
    pod.unlink()
    volumes.check_outlives_pod("/tmp/runs", "output")
    monkeypatch.delenv("KFP_POD_NAME")
    volumes.check_outlives_pod("/tmp/runs", "output")
