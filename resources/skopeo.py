"""Asks container registries through skopeo, which knows their logins, mirrors and certificates.

How it runs is `resources.skopeo_run`; what its failures mean, `resources.skopeo_errors`.
"""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from osft_assets.core.model_sources import OciImage
from osft_assets.core.progress import DownloadProgress
from resources.pull_secret import PullSecret, without_secrets
from resources.skopeo_errors import PULL, Purpose, explained, may_be_absent
from resources.skopeo_run import Finished, StalledError, Watch, run_skopeo, sent_bytes

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Only there may a registry do without certificates.
_THIS_MACHINE = re.compile(r"(localhost|127(\.\d+){3})(:\d+)?/")
_RETRIES = ("--retry-times", "3")
_INSPECT = ("inspect", *_RETRIES, "--no-tags", "--format", "{{.Digest}}")


@dataclass(frozen=True)
class Skopeo:
    """One registry, asked as the secret in the environment allows."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    stalled_after_seconds: float = 300
    purpose: Purpose = PULL

    def digest(self, image: OciImage) -> str:
        """What identifies the image now."""
        return self._digest(image, self._asked_for_digest(image))

    def digest_if_there(self, image: OciImage) -> str | None:
        """The same; None when there is no such image, or the registry does not say."""
        finished = self._asked_for_digest(image)
        if finished.code and may_be_absent(finished.said):
            return None
        return self._digest(image, finished)

    def copy(self, image: OciImage, directory: Path, progress: DownloadProgress) -> None:
        """All its files into a directory: manifest.json, and a file for each layer."""

        def done(_: int) -> int:
            size = _size(directory)
            progress(size)
            return size

        tls = _tls("--src-tls-verify", image)
        command = ("copy", *_RETRIES, *tls, _address(image), f"dir:{directory}")
        self._refuse_failure(image, self._run(image, command, done))

    def push(self, layout: Path, image: OciImage, progress: Callable[[int], None]) -> None:
        """An image from a directory in OCI's layout, byte for byte."""

        def done(pid: int) -> int:
            sent = sent_bytes(pid)
            progress(sent)
            return sent

        # Without preserving digests skopeo compresses the layers, and the image is another one.
        options = (*_RETRIES, "--preserve-digests", *_tls("--dest-tls-verify", image))
        command = ("copy", *options, f"oci:{layout}", _address(image))
        self._refuse_failure(image, self._run(image, command, done))

    def _asked_for_digest(self, image: OciImage) -> Finished:
        command = (*_INSPECT, *_tls("--tls-verify", image), _address(image))
        return self._run(image, command, lambda _: 0)

    def _digest(self, image: OciImage, finished: Finished) -> str:
        self._refuse_failure(image, finished)
        told = finished.out.strip()
        if not _DIGEST.fullmatch(told):
            raise self.purpose.error(
                f"{image}: skopeo told no digest. Is it an image? Try another tag"
            )
        return told

    def _run(
        self, image: OciImage, command: tuple[str, ...], done: Callable[[int], int]
    ) -> Finished:
        program = self._program(image)
        with self._secret().as_file() as file:
            login = ("--authfile", str(file)) if file else ()
            arguments = (program, command[0], *login, *command[1:])
            watch = Watch(done, self.stalled_after_seconds)
            try:
                return run_skopeo(arguments, without_secrets(self.environment), watch)
            except StalledError:
                raise self.purpose.error(
                    f"{image} made no progress for {self.stalled_after_seconds:,.0f} s. Check the "
                    "registry and the network, then run again"
                ) from None

    def _refuse_failure(self, image: OciImage, finished: Finished) -> None:
        if finished.code:
            raise explained(image, finished.said, self._secret(), self.purpose)

    def _secret(self) -> PullSecret:
        return self.purpose.secret(self.environment)

    def _program(self, image: OciImage) -> str:
        found = shutil.which("skopeo", path=self.environment.get("PATH"))
        if not found:
            raise self.purpose.error(
                f"{image} needs the program skopeo, which is not on PATH. Install it (dnf or apt "
                f"install skopeo), or {self.purpose.instead}"
            )
        return found


def _address(image: OciImage) -> str:
    return f"docker://{image.reference}"


def _tls(option: str, image: OciImage) -> tuple[str, ...]:
    return (f"{option}=false",) if _THIS_MACHINE.match(image.repository) else ()


def _size(directory: Path) -> int:
    size = 0
    for path in directory.glob("*"):
        with suppress(FileNotFoundError):  # it just got its final name
            size += path.stat().st_size
    return size
