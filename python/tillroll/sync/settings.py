"""Where the stores are, and how patient a sync is."""

import ipaddress
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tillroll.invalid import invalid

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """Plain values; those that say nothing else suit the stores as they are.

    URLs must begin with https://, those of this machine itself excepted.
    """

    amazon_token_url: str = "https://api.amazon.com/auth/o2/token"
    amazon_report_url: str = "https://developer.amazon.com/api/appstore/download/report/sales"
    apple_report_url: str = "https://api.appstoreconnect.apple.com/v1/salesReports"
    # As the environment says (HTTPS_PROXY, NO_PROXY) where it is None.
    proxy_url: str | None = field(default=None, repr=False)
    # Certificates that are trusted beside the system's: those of a proxy that looks inside.
    ca_file: str | os.PathLike[str] | None = None
    connect_seconds_max: float = 20.0
    # Between two pieces of an answer, and for the whole of it.
    read_seconds_max: float = 60.0
    answer_seconds_max: float = 900.0
    report_bytes_max: int = 1 << 30
    # How often a request is made before it is given up, and the longest pause between.
    attempts_max: int = 6
    pause_seconds_max: float = 300.0
    # A store refuses more; lower it where other programs ask with the same credentials.
    requests_per_second: int = 3
    # Tests let time pass without waiting.
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False)

    @classmethod
    def from_environment(cls) -> "Settings":
        """What `TILLROLL_SYNC_AMAZON_TOKEN_URL` and the like say, for commands and timers."""
        names = ("amazon_token_url", "amazon_report_url", "apple_report_url", "ca_file")
        texts = {name: os.environ.get(f"TILLROLL_SYNC_{name.upper()}") for name in names}
        found: dict[str, Any] = {name: text for name, text in texts.items() if text}
        return cls(**found)

    def __post_init__(self) -> None:
        for name in ("amazon_token_url", "amazon_report_url", "apple_report_url"):
            if not is_safe(getattr(self, name)):
                raise invalid(f"settings.{name}", "must begin with https://")
        if not 1 <= self.requests_per_second <= 3:
            raise invalid("settings.requests_per_second", "must be 1, 2 or 3")
        if self.attempts_max < 1:
            raise invalid("settings.attempts_max", "must be at least 1")


def is_safe(url: str) -> bool:
    """Whether what is sent there can be read there alone."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.scheme == "https" or is_loopback(url))
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Whether a URL is one of this machine itself."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def is_inside(url: str) -> bool:
    """Whether a URL names this machine or its network: no answer from outside may lead there."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Some resolvers take 2130706433, 127.1 and 0x7f.1 for addresses; no domain ends so.
        last = host.rpartition(".")[2]
        return last.isdigit() or last.startswith("0x")
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global
