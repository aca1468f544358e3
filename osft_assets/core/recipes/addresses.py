"""Addresses and paths that several recipes take; none may carry a credential."""

import re
from typing import Annotated

from pydantic import AfterValidator

from osft_assets.core.redaction import credentials_in

_TARGET = re.compile(
    r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)*/?"
    r"|oci://[A-Za-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+/?"
)


def _endpoint(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("expected http://host:port or https://host")
    if credentials_in(value):
        raise ValueError(
            "an endpoint holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return value


def _tracker(address: str) -> str:
    if credentials_in(address if "://" in address else f"http://{address}"):
        raise ValueError(
            "it carries a credential, and would be stored with the run. Set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    return address


def _target(value: str) -> str:
    if value and not _TARGET.fullmatch(value):
        raise ValueError(
            "expected s3://bucket/prefix or oci://registry/repository, without a tag and without "
            "credentials: those come from the environment"
        )
    return value.rstrip("/")


def _absolute(path: str) -> str:
    if path and not path.startswith("/"):
        raise ValueError("expected an absolute path: each step may have its own current directory")
    return path


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
S3Endpoint = Annotated[str, AfterValidator(_endpoint)]
PublishTarget = Annotated[str, AfterValidator(_target)]
TrackerAddress = Annotated[str, AfterValidator(_tracker)]
