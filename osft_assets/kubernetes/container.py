"""What the container of every step has, in place of what the deployment says or on top of it.

What follows from the settings of a step's pod alone is `pod`.
"""

from typing import Any

from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import UserDefinedDagsterK8sConfig

from osft_assets.core.recipes.pod import StepPodRecipe
from osft_assets.kubernetes.pod import resources

# So that the step knows, whatever else the deployment gives its pods, that it is in one.
_IN_A_POD = {"name": "OSFT_EXECUTOR", "value": "k8s"}


def with_container(
    whole: K8sContainerContext, image: str, recipe: StepPodRecipe | None
) -> K8sContainerContext:
    """The same, with our fields of the container."""
    config = whole.run_k8s_config.to_dict()  # type: ignore[no-untyped-call]
    container = {**config["container_config"], **_fields(image, recipe)}
    container["env"] = [*container.get("env", []), _IN_A_POD]
    told: Any = {**config, "container_config": container}
    told = UserDefinedDagsterK8sConfig.from_dict(told)  # type: ignore[no-untyped-call]
    return whole._replace(run_k8s_config=told)


def _fields(image: str, recipe: StepPodRecipe | None) -> dict[str, Any]:
    return {
        # The end of a log that nobody wrote an event about is all that is left of a failure.
        "termination_message_policy": "FallbackToLogsOnError",
        **({"image": image} if image else {}),
        # Merged, a limit of the deployment's for light steps would stay below what is requested.
        **({"resources": resources(recipe)} if recipe else {}),
    }
