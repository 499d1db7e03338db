import pytest
from faults.fixtures import use_s3

from trimtab.errors import ConfigError
from trimtab.storage.s3.endpoint import bucket_url, region
from trimtab.storage.store import open_store


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    use_s3(monkeypatch, "", "any", "any")


def test_amazons_own(monkeypatch):
    assert bucket_url("s3", "mine") == "https://mine.s3.us-east-1.amazonaws.com"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert bucket_url("s3", "my.bucket") == "https://s3.eu-west-1.amazonaws.com/my.bucket"
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert bucket_url("s3", "mine") == "https://mine.s3.eu-west-3.amazonaws.com"


def test_the_region_of_a_profile(monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n[profile mine]\nregion = sa-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert region() == "eu-north-1"
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert region() == "sa-east-1"


def test_a_server_of_ones_own_is_asked_in_path_style(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all:9000/")
    assert bucket_url("s3", "mine") == "http://all:9000/mine"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://objects.example")
    assert bucket_url("minio", "mine") == "https://objects.example/mine"


def test_what_is_no_url_is_refused(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "seaweedfs:9000")
    with pytest.raises(ConfigError, match=r"AWS_ENDPOINT_URL_S3: expected http://HOST:PORT"):
        open_store("s3://bucket").read("x")


@pytest.mark.parametrize("service", ["MINIO_SERVICE", "SEAWEEDFS"])
def test_the_store_of_the_pods_own_namespace(monkeypatch, service):
    with pytest.raises(ConfigError, match="no server is known for minio://") as caught:
        bucket_url("minio", "mlpipeline")
    assert "AWS_ENDPOINT_URL_S3" in caught.value.hint
    monkeypatch.setenv(f"{service}_SERVICE_HOST", "10.0.0.7")
    assert bucket_url("minio", "mlpipeline") == "http://10.0.0.7:9000/mlpipeline"
    assert bucket_url("s3", "mine").startswith("https://mine.s3.")
