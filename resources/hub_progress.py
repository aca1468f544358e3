"""Tells how far a download of `huggingface_hub` is: it reports to progress bars only."""

from threading import Lock
from typing import Any

from osft_assets.core.progress import DownloadProgress


def progress_bar(progress: DownloadProgress) -> type:
    """A progress bar that draws nothing and passes on the bytes.

    Several bars count the same bytes (received, written) and one counts files: the furthest is it.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]

    lock = Lock()
    counts: dict[int, int] = {}

    class Passed(tqdm):  # type: ignore[misc]
        """One bar."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **{**settings, "disable": True})
            self._counts_bytes = settings.get("unit") == "B"

        def update(self, n: float | None = 1) -> None:
            if not self._counts_bytes:
                return
            with lock:  # files are downloaded by several threads
                counts[id(self)] = counts.get(id(self), 0) + int(n or 0)
                progress(max(counts.values()))

    return Passed
