from datetime import UTC, datetime

import pytest

from trimtab.storage.s3.credentials import Credentials
from trimtab.storage.s3.signature import EMPTY_SHA256, signed

KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
PUT = {
    "x-amz-content-sha256": "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73",
    "If-None-Match": "*",
    "x-amz-checksum-crc32c": "AAAAAA==",
    "x-amz-meta-trimtab-write": "abc",
}
# What botocore 1.44.8 signs of the same requests.
OF_BOTOCORE = [
    (
        "GET",
        "https://s3.eu-west-1.amazonaws.com/bucket/a/%C3%BC%20%231%3F%26%2B%25.txt",
        {"x-amz-content-sha256": EMPTY_SHA256},
        "",
        "host;x-amz-content-sha256;x-amz-date",
        "877c096ef7408f047719bbb8725dd293098980e0f0f97c6406057d07fa651eb8",
    ),
    (
        "GET",
        "http://127.0.0.1:9000/bucket?list-type=2&max-keys=1000&prefix=a%20b%2F",
        {"x-amz-content-sha256": EMPTY_SHA256},
        "TOKEN/+=",
        "host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
        "2180e3c85b9d7b393730ff3915c02f2ff06b6e61c78206e1268b2c67bc1f01e4",
    ),
    (
        "PUT",
        "http://127.0.0.1:9000/bucket/x~y_z-.bin",
        {**PUT, "User-Agent": "x", "Content-Length": "7"},
        "",
        "host;if-none-match;x-amz-checksum-crc32c;x-amz-content-sha256;x-amz-date;x-amz-meta-trimtab-write",
        "4fda2e3cc56ea1890283d0c1a537cdb748e5bf94c736fe6685e7f8e10b1880ec",
    ),
]


@pytest.mark.parametrize(("method", "url", "headers", "token", "names", "signature"), OF_BOTOCORE)
def test_a_request_is_signed_as_by_botocore(method, url, headers, token, names, signature):
    made = signed(method, url, headers, Credentials("AKIDEXAMPLE", KEY, token), "eu-west-1", NOW)
    assert made["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261126/eu-west-1/s3/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_the_example_of_amazons_reference():
    """GET Object in "Signature Calculations for the Authorization Header", Amazon S3 API Reference."""
    made = signed(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        {"Range": "bytes=0-9", "x-amz-content-sha256": EMPTY_SHA256},
        Credentials("AKIAIOSFODNN7EXAMPLE", KEY.replace("+", "/")),
        "us-east-1",
        datetime(2013, 5, 24, tzinfo=UTC),
    )
    expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert made["Authorization"].endswith(expected)
