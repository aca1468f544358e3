"""Runs skopeo, which knows container registries: their logins, mirrors, certificates and retries.

It is killed when it makes no progress for minutes, and with whoever waits for it.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from osft_assets.core.errors import OsftError, SourceError, WorkspaceError
from osft_assets.core.model_sources import OciImage
from osft_assets.core.progress import DownloadProgress
from resources.pull_secret import VARIABLE, PullSecret, pull_secret

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MESSAGE = re.compile(r'msg="((?:[^"\\]|\\.)*)"')
_QUERY = re.compile(r"\?[^\s\"'\\]+")  # registries redirect to signed addresses
_LONGEST_MESSAGE = 400
_POLL_SECONDS = 0.5
# What skopeo says, in part, and what to do about it.
_REMEDIES = {
    r"unauthorized|denied|authentication required|\b40[13]\b": (
        f"Check the name, and that {VARIABLE} holds a pull secret for this registry."
    ),
    r"manifest unknown|name unknown|not found|\b404\b": "Check the name and the tag.",
    "policy.json": "Install containers-common, which brings /etc/containers/policy.json.",
    "no image found in": "It has no variant for this machine. Name one by its digest.",
}


@dataclass(frozen=True)
class Skopeo:
    """Asks a registry, as the pull secret in the environment allows."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    stalled_after_seconds: float = 300

    def digest(self, image: OciImage) -> str:
        """What identifies the image now."""
        options = ("--no-tags", "--format", "{{.Digest}}")
        told = self._run(image, "inspect", options, (), lambda: 0).strip()
        if not _DIGEST.fullmatch(told):
            raise SourceError(f"{image}: skopeo told no digest. Is it an image? Try another tag")
        return told

    def copy(self, image: OciImage, directory: Path, progress: DownloadProgress) -> None:
        """All its files into a directory: manifest.json, and a file for each layer."""

        def done() -> int:
            size = _size(directory)
            progress(size)
            return size

        self._run(image, "copy", ("--retry-times", "3"), (f"dir:{directory}",), done)

    def _run(
        self,
        image: OciImage,
        command: str,
        options: tuple[str, ...],
        more: tuple[str, ...],
        done: Callable[[], int],
    ) -> str:
        secret = pull_secret(self.environment)
        program = self._program(image)
        with (
            secret.as_file() as file,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as errors,
        ):
            login = ("--authfile", str(file)) if file else ()
            source = f"docker://{image.reference}"
            process = subprocess.Popen(
                [program, command, *options, *login, source, *more],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env={name: text for name, text in self.environment.items() if name != VARIABLE},
                start_new_session=True,  # so that whatever it starts is killed too
            )
            try:
                self._wait(process, image, done)
            finally:
                _kill(process)
            if process.returncode:
                raise _explained(image, _tail(errors), secret)
            return _tail(out)

    def _program(self, image: OciImage) -> str:
        found = shutil.which("skopeo", path=self.environment.get("PATH"))
        if not found:
            raise SourceError(
                f"{image} needs the program skopeo, which is not on PATH. Install it (dnf or apt "
                "install skopeo), or copy the model to pvc://, s3:// or the Hub and name that"
            )
        return found

    def _wait(
        self, process: subprocess.Popen[bytes], image: OciImage, done: Callable[[], int]
    ) -> None:
        last, still = -1, 0.0
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
                return
            size = done()
            last, still = size, (still + _POLL_SECONDS if size == last else 0.0)
            if still >= self.stalled_after_seconds:
                raise SourceError(
                    f"{image} made no progress for {self.stalled_after_seconds:,.0f} s. Check the "
                    "registry and the network, then run again"
                )


def _size(directory: Path) -> int:
    size = 0
    for path in directory.glob("*"):
        with suppress(FileNotFoundError):  # it just got its final name
            size += path.stat().st_size
    return size


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read()[-10_000:].decode(errors="replace")


def _explained(image: OciImage, said: str, secret: PullSecret) -> OsftError:
    message = " ".join(_MESSAGE.findall(said)[-1:] or [said]).replace('\\"', '"')
    if "no space left on device" in message:
        return WorkspaceError(f"No room to download {image}. Nothing was kept. Free some")
    shown = _QUERY.sub("?***", secret.hidden_in(" ".join(message.split())))[-_LONGEST_MESSAGE:]
    found = (remedy for words, remedy in _REMEDIES.items() if re.search(words, message, re.I))
    remedy = next(found, "Check the address and the network.")
    return SourceError(f"{image} cannot be read: {shown.rstrip('.')}. {remedy}")
