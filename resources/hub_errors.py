"""What went wrong with the Hub, and what to do about it, without repeating its messages.

They may hold a signed address.
"""

import errno
from pathlib import Path

from osft_assets.core.errors import ConfigError, OsftError, SourceError, WorkspaceError
from osft_assets.core.model_sources import HubModel
from osft_assets.core.recipes.base_model import BaseModelRecipe
from resources.client_errors import http_status, may_pass

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


def is_unreachable(problem: BaseException) -> bool:
    """Whether no answer came at all."""
    return http_status(problem) is None and not isinstance(problem, ValueError)


def explained_by_hub(
    location: HubModel, problem: Exception, recipe: BaseModelRecipe, cache: Path | None = None
) -> OsftError:
    """The error to raise instead."""
    code = problem.errno if isinstance(problem, OSError) else None
    if cache and code in _NO_ROOM:
        return WorkspaceError(
            f"No room to write {location} to {cache}. Whole files are kept. Free some, or "
            "set HF_HOME to a larger disk"
        )
    if cache and code in _NOT_WRITABLE:
        return WorkspaceError(f"{cache} cannot be written. Check it, or set HF_HOME elsewhere")
    if type(problem).__name__ == "HFValidationError":
        return ConfigError(f"{location} is no name that the Hub allows. Check base_model")
    found = _cause(problem)
    status = http_status(found)
    reason = f"HTTP status {status}" if status else type(found).__name__
    return SourceError(
        f"{location} cannot be read: {reason}. {_remedy(found, recipe)}", transient=may_pass(found)
    )


def _cause(problem: BaseException) -> BaseException:
    """What it was, where the client says only that the cache has no such file either."""
    return problem.__cause__ if http_status(problem) is None and problem.__cause__ else problem


def _remedy(problem: BaseException, recipe: BaseModelRecipe) -> str:
    if type(problem).__name__ == "GatedRepoError":
        return (
            "It is gated: ask for access on its page of the Hub, and set "
            f"{recipe.hf_token} to a token of the account that has it."
        )
    if http_status(problem) in (401, 403, 404):
        return (
            f"Check the name and revision; if it is private or gated, set {recipe.hf_token}. A "
            "directory is named by its absolute path, or pvc://PATH."
        )
    return "Whole files are kept. Check the network, and HF_ENDPOINT where a mirror is used."
