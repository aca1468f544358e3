"""Addresses and paths that several recipes take; none may carry a credential."""

from typing import Annotated

from pydantic import AfterValidator

from osft_assets.core.redaction import credentials_in


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


def _absolute(path: str) -> str:
    if path and not path.startswith("/"):
        raise ValueError("expected an absolute path: each step may have its own current directory")
    return path


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
S3Endpoint = Annotated[str, AfterValidator(_endpoint)]
TrackerAddress = Annotated[str, AfterValidator(_tracker)]
