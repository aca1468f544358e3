"""The knobs of the dataset stage. Where the data may come from is parsed in `core.sources`."""

from typing import Literal, Self

from pydantic import field_validator, model_validator

from osft_assets.core.errors import ConfigError
from osft_assets.core.recipes.addresses import S3Endpoint
from osft_assets.core.recipes.base import EnvironmentName, Recipe, knob
from osft_assets.core.sources import HubDataset, S3Location, parse_location


class DatasetRecipe(Recipe):
    """Where the rows come from and how they are divided."""

    data_uri: str = knob(
        "",
        "hf://org/name[:config][@revision], s3://bucket/key, http(s)://, pvc://path, file://, an "
        "absolute path, or env:NAME for an address that itself holds a credential, such as a "
        "presigned link. Required: empty is refused.",
        secret=True,
    )
    split: str = knob(
        "", "Split of a Hugging Face dataset. Empty = train, or the nearest thing the dataset has."
    )
    data_split: float = knob(
        0.9,
        "Share of the rows to train on; the rest is held out to measure what was learnt. 1 = no "
        "holdout. Rows are assigned by their own content, so the share is met on average, not to "
        "the row.",
        unit="share",
        gt=0,
        le=1,
    )
    split_seed: int = knob(
        42,
        "Changes which rows are held out. Keep it, or old holdout rows get trained on.",
        ge=0,
        lt=2**64,
    )
    subset: int = knob(0, "Read only the first N rows. 0 = all.", unit="rows", ge=0)
    row_kind: Literal["", "messages", "documents", "tokens"] = knob(
        "",
        "What a row is: a chat, a document, or tokens (input_ids and labels). Empty = what train "
        "asks for in the pipeline's file; set it where a run's train asks for something else.",
    )
    on_invalid: Literal["fail", "skip"] = knob(
        "fail",
        "fail: one bad row stops the run, with the first 20 listed. skip: bad rows are left out "
        "and counted.",
    )
    hf_token: EnvironmentName = knob(
        "HF_TOKEN",
        "Name of the environment variable with the Hugging Face token; read when it is set.",
        secret=True,
    )
    s3_endpoint_url: S3Endpoint = knob(
        "",
        "Address of an S3 service other than AWS, such as MinIO. Empty = AWS_ENDPOINT_URL.",
        secret=True,
    )
    s3_region: str = knob(
        "", "Region of the bucket. Empty = AWS_REGION, AWS_DEFAULT_REGION or the profile's."
    )

    @field_validator("data_uri")
    @classmethod
    def _data_uri_is_well_formed(cls, value: str) -> str:
        if value.strip():
            parse_location(value)
        return value.strip()

    @model_validator(mode="after")
    def _knobs_fit_the_source(self) -> Self:
        if not self.data_uri or self.data_uri.startswith("env:"):
            return self
        location = parse_location(self.data_uri)
        if self.split and not isinstance(location, HubDataset):
            raise ValueError(
                "split is for Hugging Face datasets (hf://org/name). Remove it, or change data_uri"
            )
        if (self.s3_endpoint_url or self.s3_region) and not isinstance(location, S3Location):
            raise ValueError(
                "s3_endpoint_url and s3_region are for s3:// addresses. Remove them, or change "
                "data_uri"
            )
        return self

    def refuse_to_launch(self) -> None:
        """Before a base model of gigabytes is downloaded for nothing."""
        if not self.data_uri:
            raise ConfigError(
                "data_uri is empty: there are no rows to prepare. Set attributes.dataset.data_uri "
                "in the pipeline's defs.yaml, or data_uri in the launchpad (shift-click "
                "Materialize)."
            )
