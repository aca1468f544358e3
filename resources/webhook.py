"""Tells of failed runs by a POST to one address, such as that of a chat's incoming webhook.

The address is a secret: whoever has it can write there. It is in no log and in no error.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from osft_assets.core.errors import ConfigError, HookError
from osft_assets.core.failed_run import FailedRun
from osft_assets.core.ports import FailureHook

_TIMEOUT_SECONDS = 10.0
_PAUSES_SECONDS = (1.0, 3.0)  # with the time-outs, less than the minute that a tick has
_TOO_MANY_REQUESTS, _SERVER_ERRORS = 429, 500


@dataclass(frozen=True)
class Webhook:
    """The address in `variable`, or nobody. `pause` waits so many seconds."""

    url: str = field(repr=False)
    variable: str
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def tell(self, run: FailedRun) -> None:
        """Send it, as JSON."""
        if not self.url:
            return
        failure = ""
        for pause in (*_PAUSES_SECONDS, None):
            failure = self._send(run)
            if not failure:
                return
            if pause is not None:
                self.pause(pause)
        raise HookError(
            f"The webhook in {self.variable} was not told of run {run.run_id}: {failure}, "
            f"{len(_PAUSES_SECONDS) + 1} times. Check the address and the network; it is not "
            "tried again"
        )

    def _send(self, run: FailedRun) -> str:
        """Why it should be tried again; nothing when it was taken."""
        # httpx costs 0.1 s, which loading the code location need not pay.
        import httpx

        from resources.http_source import keep_addresses_out_of_logs

        keep_addresses_out_of_logs()
        try:
            answer = httpx.post(self.url, json=run.to_message(), timeout=_TIMEOUT_SECONDS)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise ConfigError(
                f"{self.variable} holds no address. Expected https://HOST/PATH"
            ) from None
        except httpx.TransportError as problem:
            return type(problem).__name__
        status = answer.status_code
        if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS:
            return f"HTTP status {status}"
        if not answer.is_success:
            raise HookError(
                f"The webhook in {self.variable} answers HTTP status {status}, and was not told of "
                f"run {run.run_id}. Check the address"
            )
        return ""


_: type[FailureHook] = Webhook
