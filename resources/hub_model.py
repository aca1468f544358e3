"""Models of the Hugging Face Hub, at a commit that is resolved first and recorded.

Files go to the Hub's own cache, shared with every other tool on the machine: HF_HUB_CACHE or
HF_HOME when they are set, else the workspace. A model named by its commit, once in the cache, needs
no network. What a failure means is said in `resources.hub_errors`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from osft_assets.core.errors import SourceError
from osft_assets.core.model_downloads import refuse_without_room
from osft_assets.core.model_files import README, needed_files, needed_model
from osft_assets.core.model_sources import HubModel
from osft_assets.core.ports import FoundModel
from osft_assets.core.progress import DownloadProgress
from osft_assets.core.recipes.base_model import BaseModelRecipe
from osft_assets.core.workspace import Workspace
from resources.hub_errors import explained_by_hub, is_unreachable
from resources.hub_progress import progress_bar

_TIMEOUT_SECONDS = 30
_OFF = ("", "0", "false", "no", "off")
Say = Callable[[str], None]


@dataclass(frozen=True)
class HubModelSource:
    """Finds a model repository, and downloads what is needed of it."""

    workspace: Workspace
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self, location: HubModel, recipe: BaseModelRecipe) -> FoundModel:
        """The commit and its files; those in the cache when the commit is there already."""
        if location.is_pinned and self._has_all(location, recipe):
            return self._cached(location)
        if self.environment.get("HF_HUB_OFFLINE", "").lower() not in _OFF:
            return self._without_network(location, "HF_HUB_OFFLINE is set")
        try:
            info = self._api(recipe).model_info(
                location.repository,
                revision=location.revision or None,
                timeout=_TIMEOUT_SECONDS,
                files_metadata=True,
            )
        except Exception as problem:  # noqa: BLE001 - the boundary: OSError, httpx's, and more
            if is_unreachable(problem) and location.is_pinned and self._snapshot(location).exists():
                return self._without_network(location, "the Hub cannot be reached")
            raise explained_by_hub(location, problem, recipe) from None
        return self._found(info, recipe)

    def _found(self, info: Any, recipe: BaseModelRecipe) -> FoundModel:
        pinned = HubModel(str(info.id), str(info.sha))
        sizes = {file.rfilename: file.size for file in info.siblings or []}
        needed = needed_model(str(pinned), sizes, recipe.trust_remote_code)
        wanted = {name: sizes[name] for name in (*needed, README) if name in sizes}
        return FoundModel(
            str(pinned),
            f"commit:{pinned.revision}",
            partial(self._fetch, pinned, wanted, recipe),
        )

    def _fetch(
        self, pinned: HubModel, wanted: Mapping[str, int | None], recipe: BaseModelRecipe, say: Say
    ) -> Path:
        snapshot = self._snapshot(pinned)
        lacking = [name for name, size in wanted.items() if not _is_whole(snapshot / name, size)]
        if not lacking:
            say("Downloaded before: reused.")
            return snapshot
        missing = sum(wanted[name] or 0 for name in lacking)
        refuse_without_room(self._cache, missing)
        say(f"Downloading {missing / 1e9:,.2f} GB to {self._cache}")
        try:
            for name in lacking:
                self._discard(snapshot / name, wanted[name])
            self._download(pinned, list(wanted), recipe, DownloadProgress(say, missing))
        except Exception as problem:  # noqa: BLE001 - the boundary, as above
            raise explained_by_hub(pinned, problem, recipe, self._cache) from None
        return snapshot

    def _download(
        self,
        pinned: HubModel,
        names: Sequence[str],
        recipe: BaseModelRecipe,
        progress: DownloadProgress,
    ) -> None:
        self._api(recipe).snapshot_download(
            pinned.repository,
            revision=pinned.revision,
            cache_dir=self._cache,
            allow_patterns=list(names),
            tqdm_class=progress_bar(progress),
        )

    def _discard(self, path: Path, size: int | None) -> None:
        """A file that is there but cut off would be taken for complete."""
        if _is_whole(path, size):  # another run was faster
            return
        blob = path.resolve()
        if blob.is_relative_to(self._cache.resolve()):
            blob.unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def _has_all(self, location: HubModel, recipe: BaseModelRecipe) -> bool:
        """Whether the cache lists the files of the commit and has all that are needed."""
        import huggingface_hub as hub
        from huggingface_hub.errors import CachedRepoTreeNotFoundError

        try:
            files = hub.get_cached_repo_tree(
                location.repository, revision=location.revision, cache_dir=self._cache
            )
        except (CachedRepoTreeNotFoundError, ValueError):  # or a name that is none
            return False
        sizes = {file.path: file.size for file in files}
        snapshot = self._snapshot(location)
        needed = needed_files(sizes, recipe.trust_remote_code)
        return all(_is_whole(snapshot / name, sizes[name]) for name in needed)

    def _without_network(self, location: HubModel, why: str) -> FoundModel:
        if location.is_pinned and self._snapshot(location).exists():
            return self._cached(location)  # filled by another tool; the inspector sees what lacks
        raise SourceError(
            f"{location} cannot be downloaded: {why}. Without the network only a model that is "
            f"in the cache ({self._cache}) can be used, named by its commit: org/name@COMMIT"
        )

    def _cached(self, location: HubModel) -> FoundModel:
        snapshot = self._snapshot(location)
        return FoundModel(str(location), f"commit:{location.revision}", partial(_reused, snapshot))

    def _api(self, recipe: BaseModelRecipe) -> Any:
        from huggingface_hub import HfApi

        # An empty token would be sent; False keeps the client from looking for one of its own.
        token = self.environment.get(recipe.hf_token, "").strip() or False
        return HfApi(endpoint=self.environment.get("HF_ENDPOINT") or None, token=token)

    @property
    def _cache(self) -> Path:
        if self.environment.get("HF_HUB_CACHE"):
            return Path(self.environment["HF_HUB_CACHE"]).expanduser()
        home = self.environment.get("HF_HOME")
        return (Path(home).expanduser() if home else self.workspace.root / "_huggingface") / "hub"

    def _snapshot(self, pinned: HubModel) -> Path:
        folder = f"models--{pinned.repository.replace('/', '--')}"
        return self._cache / folder / "snapshots" / pinned.revision


def _is_whole(path: Path, size: int | None) -> bool:
    """None: a mirror that tells no sizes."""
    return path.is_file() and size in (None, path.stat().st_size)


def _reused(snapshot: Path, say: Say) -> Path:
    say("In the Hub's cache: reused.")
    return snapshot
