"""Every error this project raises on purpose.

    OsftError
    |-- ConfigError     a setting is wrong: fix the YAML file, the launchpad or the environment
    |-- DatasetError    the data is wrong: fix the rows
    |   `-- RowError    one row is wrong; whoever reads the file adds the place
    |-- SourceError     the data's or the model's source cannot be read: missing, forbidden, broken
    |-- ModelError      a model is wrong: its files, its weights, its tokenizer
    |-- TrainingError   training failed, or what came out is no good
    |-- EvaluationError evaluation failed, or what it found blocks the model
    |-- RegistryError   the registry refuses, does not answer, or holds something else
    |-- WorkspaceError  the workspace cannot be written: full, forbidden, out of bounds
    `-- HookError       whoever should be told of failed runs cannot be

Each message says what was found, what was expected and what to do, with the place. No message holds
a secret: locations go through `core.redaction` first.

An error is transient when the same may work in a while, with nothing changed: a network, a server
or a service failed. `osft_assets.retries` tries the step again then, and only then.
"""


class OsftError(Exception):
    """Anything we can explain to the user."""

    def __init__(self, message: str = "", *, transient: bool = False) -> None:
        super().__init__(message)
        self.is_transient = transient


class ConfigError(OsftError, ValueError):
    """A setting is wrong. A ValueError too, so that pydantic adds the name of the field."""


class DatasetError(OsftError):
    """The rows are wrong."""


class RowError(DatasetError):
    """One row is wrong."""


class SourceError(OsftError):
    """The source of the data or of the model cannot be read."""


class ModelError(OsftError):
    """The files of a model are wrong."""


class TrainingError(OsftError):
    """Training failed, or made nothing usable."""


class EvaluationError(OsftError):
    """Evaluation failed, or found nothing that can be compared."""


class RegistryError(OsftError):
    """The model registry refuses, does not answer, or holds something else."""


class WorkspaceError(OsftError):
    """The workspace cannot be written."""


class HookError(OsftError):
    """Nobody could be told of a failed run."""
