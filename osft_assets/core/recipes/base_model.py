"""The knobs of the model that training starts from."""

from typing import Self

from pydantic import field_validator, model_validator

from osft_assets.core.model_sources import parse_model_location
from osft_assets.core.recipes.addresses import S3Endpoint
from osft_assets.core.recipes.base import EnvironmentName, Recipe, knob
from osft_assets.core.recipes.shorthand import Shorthand
from osft_assets.core.sources import S3Location


class BaseModelRecipe(Recipe):
    """The model to start from."""

    shorthand = Shorthand("base_model")

    base_model: str = knob(
        "Qwen/Qwen2.5-1.5B-Instruct",
        "Where the model is: org/name[@revision] of the Hugging Face Hub, s3://bucket/prefix/, "
        "pvc://path, oci://registry/image:tag, or the path of a directory. champion = the champion "
        "of the pipeline's own model in the registry.",
        secret=True,
    )
    hf_token: EnvironmentName = knob(
        "HF_TOKEN",
        "Name of the environment variable with the Hugging Face token; read when it is set.",
        secret=True,
    )
    s3_endpoint_url: S3Endpoint = knob("", "Address of an S3 service other than AWS. Empty = AWS.")
    s3_region: str = knob("", "Region of the bucket. Empty = AWS_REGION, or the profile's.")
    trust_remote_code: bool = knob(
        False, "Run the Python files that come with the model. Only for repositories you trust."
    )

    @field_validator("base_model")
    @classmethod
    def _base_model_is_well_formed(cls, value: str) -> str:
        parse_model_location(value)
        return value.strip()

    @model_validator(mode="after")
    def _knobs_fit_the_source(self) -> Self:
        elsewhere = not isinstance(parse_model_location(self.base_model), S3Location)
        if (self.s3_endpoint_url or self.s3_region) and elsewhere:
            raise ValueError(
                "s3_endpoint_url and s3_region are for s3:// addresses. Remove them, or change "
                "base_model"
            )
        return self
