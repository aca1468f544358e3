"""Notes on a finished training: the checkpoint is good, but not all is as somebody may think."""

from osft_assets.core.training_job import Certificate


def rounded_away(certificate: Certificate | None) -> tuple[str, ...]:
    """When the number format of the saved weights is too coarse for the update."""
    if certificate is None or not certificate.lost_updates:
        return ()
    return (
        f"saving as {certificate.dtype} changes {certificate.lost_updates} of "
        f"{len(certificate.matrices)} matrices more than training did: raise learning_rate or "
        "num_epochs, or set save_dtype: float32",
    )


def never_validated(frequency: int, steps: int, takes_best: bool) -> tuple[str, ...]:
    """When there were fewer steps than from one validation to the next."""
    if frequency <= steps:
        return ()
    instead = "only after the last one" if takes_best else "not at all"
    return (
        f"validation_frequency is {frequency:,}, but there were {steps:,} steps: the loss on the "
        f"holdout was measured {instead}. Set validation_frequency to {steps:,} or less",
    )
