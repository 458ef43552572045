"""The S3 server of the tests keeps what is put into it, and starts empty."""

from tests.s3_server import BUCKET


def test_it_keeps_an_object(s3):
    assert not [key for key in s3.names() if key.startswith(s3.url.split("/", 3)[3])]
    s3.client().put_object(Bucket=BUCKET, Key="objects/one", Body=b"bytes")
    assert s3.client().get_object(Bucket=BUCKET, Key="objects/one")["Body"].read() == b"bytes"
