"""Requests with bounds: of time, of size, of how many a second, and of where they may lead.

This is the only file that names urllib3. Nothing it raises shows a header, a link or what urllib3 says of
them.
"""

import email.utils
import logging
import random
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import urllib3

from tillroll.sync.container import fault
from tillroll.sync.errors import GaveUpError, StoreError
from tillroll.sync.limiter import limiter
from tillroll.sync.settings import Settings, is_loopback

# The longest answer that is no report: a token, a link, an error.
TEXT_BYTES_MAX = 1 << 16
_PIECE_BYTES = 1 << 18
# How many times its size a report may unpack to, where it is unpacked to see whether it is whole.
_UNPACKED_MAX = 16
_REDIRECTS_MAX = 3
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Answer:
    """What a server said: all of it, or, of what was downloaded, where it lies."""

    status: int
    text: str = ""
    retry_after: float | None = None


@dataclass(frozen=True)
class Broken:
    """Why there is no answer."""

    reason: str
    # Whether asking again may help.
    is_passing: bool = True


class Client:
    """Asks one store, in one thread."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.requests = 0
        self.bytes = 0
        self._limiter = limiter(name, settings.clock, settings.sleep)
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._tls = ssl.create_default_context()
        if settings.ca_file is not None:
            self._tls.load_verify_locations(settings.ca_file)

    def close(self) -> None:
        """Closes its connections."""
        for pool in self._pools.values():
            pool.clear()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]] | None = None,
        form: Mapping[str, str] | None = None,
        into: Path | None = None,
    ) -> Answer:
        """An answer, asked for again while the server is busy or breaks off.

        The headers are made for each attempt: what signs in may end during the pauses. With `into` a body of
        status 200 goes to that file. Raises `GaveUpError` where it does not come.
        """
        for attempt in range(self.settings.attempts_max):
            signed = headers() if headers is not None else None
            answer = self.once(method, url, headers=signed, form=form, into=into)
            if not is_passing(answer):
                break
            self.pause(attempt, answer)
        return self.settled(answer)

    def settled(self, answer: Answer | Broken) -> Answer:
        """An answer that says something; raises where there is none."""
        if isinstance(answer, Broken):
            kind = GaveUpError if answer.is_passing else StoreError
            raise kind(f"{self.name}: {answer.reason}")
        if is_passing(answer):
            said = "too many requests" if answer.status == 429 else "not available"
            raise GaveUpError(f"{self.name} answered {answer.status}, {said}, again and again")
        return answer

    def pause(self, attempt: int, answer: Answer | Broken) -> None:
        """Waits before the next attempt: as long as the server says, or longer each time.

        Raises `GaveUpError` after the last attempt, and where the server asks for more patience than there
        is.
        """
        longest = self.settings.pause_seconds_max
        asked = answer.retry_after if isinstance(answer, Answer) else None
        if attempt + 1 >= self.settings.attempts_max:
            self.settled(answer)
        if asked is not None and asked > longest:
            raise GaveUpError(f"{self.name} is busy, and asks to come back in {asked:,.0f} seconds")
        backoff = min(longest, 2.0**attempt) * random.uniform(0.5, 1.0)
        self.settings.sleep(max(backoff, asked or 0.0))

    def once(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        into: Path | None = None,
        may_redirect: bool = False,
    ) -> Answer | Broken:
        """One attempt. It raises nothing, so that no traceback leads to a header or a link."""
        for _ in range(_REDIRECTS_MAX + 1):
            answer, target = self._send(method, url, headers, form, into)
            if target is None:
                return answer
            if not (may_redirect and _is_same_place(url, target)):
                host = (_place(target) or ("", "nowhere", None))[1]
                return Broken(f"it leads on to {host[:100]}, which is not followed", is_passing=False)
            url = target
        return Broken("it leads on and on", is_passing=False)

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        form: Mapping[str, str] | None,
        into: Path | None,
    ) -> tuple[Answer | Broken, str | None]:
        """What came of one request, and where it leads on to."""
        if form is not None:
            headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        self.requests += 1
        response = None
        has_answered = False
        self._limiter.wait(self.settings.requests_per_second)
        try:
            started = self.settings.clock()
            response = self._pool(url).request(
                method,
                url,
                headers={"User-Agent": "tillroll", "Accept-Encoding": "identity", **(headers or {})},
                body=urlencode(form) if form is not None else None,
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(
                    connect=self.settings.connect_seconds_max, read=self.settings.read_seconds_max
                ),
            )
            self._limiter.answered()
            has_answered = True
            if response.status in _REDIRECTS:
                return Answer(response.status), urljoin(url, response.headers.get("Location", ""))
            return self._read(response, started, into), None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return _broken(error), None
        finally:
            if not has_answered:
                self._limiter.answered()
            if response is not None:
                response.close()

    def _read(self, response: urllib3.BaseHTTPResponse, started: float, into: Path | None) -> Answer | Broken:
        measured = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
        again = _retry_after(response.headers.get("Retry-After"))
        until = started + self.settings.answer_seconds_max
        pieces = self._pieces(response, until)
        if into is None or response.status != 200:
            body = b""
            for piece in pieces:
                body += piece
                if len(body) > TEXT_BYTES_MAX:
                    return Broken("its answer is longer than any should be", is_passing=False)
            return Answer(response.status, body.decode("utf-8", "replace"), again)
        size = 0
        with into.open("wb") as file:
            for piece in pieces:
                size += len(piece)
                if size > self.settings.report_bytes_max:
                    return Broken(
                        f"the report is larger than {self.settings.report_bytes_max:,} bytes",
                        is_passing=False,
                    )
                file.write(piece)
        self.bytes += size
        why = None if measured else fault(into, _UNPACKED_MAX * self.settings.report_bytes_max)
        if why is not None:
            return Broken(why, is_passing="broke off" in why)
        return Answer(response.status, "", again)

    def _pieces(self, response: urllib3.BaseHTTPResponse, until: float) -> Iterator[bytes]:
        # One piece at a time as it comes: a server that drips must not outlast the bound.
        while piece := response.read1(_PIECE_BYTES, decode_content=False):
            yield piece
            if self.settings.clock() > until:
                raise urllib3.exceptions.ReadTimeoutError(None, None, "")  # type: ignore[arg-type]

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = self._proxy(url)
        if proxy not in self._pools:
            if proxy is None:
                self._pools[proxy] = urllib3.PoolManager(ssl_context=self._tls)
            else:
                user = urlsplit(proxy)
                name, password = unquote(user.username or ""), unquote(user.password or "")
                basic = f"{name}:{password}" if name else None
                self._pools[proxy] = urllib3.ProxyManager(
                    proxy,
                    ssl_context=self._tls,
                    proxy_headers=urllib3.make_headers(proxy_basic_auth=basic) if basic else None,
                )
        return self._pools[proxy]

    def _proxy(self, url: str) -> str | None:
        if self.settings.proxy_url is not None:
            return self.settings.proxy_url or None
        parts = urlsplit(url)
        if is_loopback(url) or urllib.request.proxy_bypass(parts.netloc):
            return None
        return urllib.request.getproxies().get(parts.scheme)


def is_passing(answer: Answer | Broken) -> bool:
    """Whether asking again may help."""
    if isinstance(answer, Broken):
        return answer.is_passing
    return answer.status in (408, 429) or answer.status >= 500


def _is_same_place(url: str, target: str) -> bool:
    """Whether a link may lead on to another: within one host, and within the cloud that it names."""
    old, new = _place(url), _place(target)
    if old is None or new is None or (old[0], old[2]) != (new[0], new[2]):
        return False
    cloud = ".amazonaws.com"
    return old[1] == new[1] or (old[1].endswith(cloud) and new[1].endswith(cloud))


def _place(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for what names no host."""
    try:
        parts = urlsplit(url)
        return (parts.scheme, parts.hostname, parts.port) if parts.hostname else None
    except ValueError:
        return None


def _broken(error: Exception) -> Broken:
    """Why there is no answer, in words of our own: urllib3's have the link in them."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Broken(f"its certificate is not trusted: {cause.verify_message}", is_passing=False)
        if isinstance(cause, ssl.SSLError):
            return Broken(f"no safe connection: {cause.reason or 'TLS failed'}")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return Broken("no answer in time")
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return Broken("no connection")
    if isinstance(error, urllib3.exceptions.ProxyError):
        return Broken("no connection through the proxy")
    if isinstance(error, urllib3.exceptions.ProtocolError | urllib3.exceptions.IncompleteRead):
        return Broken("the answer broke off")
    if isinstance(error, OSError) and not isinstance(error, urllib3.exceptions.HTTPError):
        return Broken(error.strerror or "the answer cannot be kept", is_passing=False)
    return Broken("the request cannot be made", is_passing=False)


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait, given as such or as a date."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return max(0.0, at - time.time())


@contextmanager
def without_links_in_logs() -> Iterator[None]:
    """urllib3 logs each request with its query, which signs a link: that is left out."""

    def cut(record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(each) for each in record.args)
        return True

    loggers = [logging.getLogger(f"urllib3.{name}") for name in ("connectionpool", "poolmanager", "response")]
    for logger in loggers:
        logger.addFilter(cut)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(cut)


def _without_query(value: object) -> object:
    return f"{value.partition('?')[0]}?…" if isinstance(value, str) and "?" in value else value
