"""The knobs of the model that training starts from."""

from osft_assets.core.recipes.base import EnvironmentName, Recipe, knob


class BaseModelRecipe(Recipe):
    """The model to start from."""

    base_model: str = knob(
        "Qwen/Qwen2.5-1.5B-Instruct",
        "Where the model is: org/name[@revision] of the Hugging Face Hub, s3://bucket/prefix/, "
        "pvc://path, oci://registry/image:tag, or the path of a directory.",
    )
    hf_token: EnvironmentName = knob(
        "HF_TOKEN",
        "Name of the environment variable with the Hugging Face token; read when it is set.",
        secret=True,
    )
    s3_endpoint_url: str = knob("", "Address of an S3 service other than AWS. Empty = AWS.")
    s3_region: str = knob("", "Region of the bucket. Empty = AWS_REGION, or the profile's.")
    trust_remote_code: bool = knob(
        False, "Run the Python files that come with the model. Only for repositories you trust."
    )
