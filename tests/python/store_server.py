"""The stores' reporting interfaces on loopback, by their documents: what they promise, and what goes wrong.

Four servers, as the stores have four hosts: Amazon's tokens, Amazon's links, the host that the links lead
to, and Apple's. Every request is kept with its time and headers. A fault is put into a server's queue and is
met by the request that comes next there.
"""

import base64
import gzip
import io
import json
import secrets
import socket
import threading
import time
import zipfile
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

AMAZON_ID, AMAZON_SECRET = "amzn1.application-oa2-client.pl4nted-c1d", "amzn1.oa2-cs.v1.pl4nted-s3cret-9b1f"
SCOPE = "adx_reporting::appstore:marketer"
NO_SALES = "There were no sales for the date specified."
NOT_YET = "Report is not available yet. Daily reports for the Americas are available by 5 am Pacific Time."
GONE = "Report is no longer available."


@dataclass
class Seen:
    """A request as it arrived."""

    at: float
    host: str
    method: str
    path: str
    headers: dict[str, str]
    body: str


Fault = Callable[["Handler"], bool]


@dataclass
class Stores:
    """The books, and four servers that tell of them."""

    # By "2018-03": the bytes of the container, or None for a month without sales.
    amazon: dict[str, bytes | None] = field(default_factory=dict)
    # By frequency and report date: the text of the report, or the words that there is none with.
    apple: dict[tuple[str, str], bytes | tuple[int, str]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    clock: Callable[[], float] = time.monotonic
    link_form: Callable[[str], str] = str
    token_seconds: int = 3600
    # Apple's key, to check what it signed.
    public_key: object = None
    tokens: dict[str, float] = field(default_factory=dict)
    links: dict[str, tuple[str, float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "Stores":
        self.servers = {}
        for host in ("token", "api", "files", "apple", "elsewhere"):
            handler = type(f"{host}Handler", (Handler,), {"stores": self, "host": host})
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            server.daemon_threads = True
            self.servers[host] = server
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.shutdown()
            server.server_close()
        assert not self.wrong, self.wrong

    def url(self, host: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.servers[host].server_port}{path}"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "amazon_token_url": self.url("token", "/auth/o2/token"),
            "amazon_report_url": self.url("api", "/api/appstore/download/report/sales"),
            "apple_report_url": self.url("apple", "/v1/salesReports"),
        }

    def fault(self, host: str, *faults: Fault) -> None:
        self.faults[host].extend(faults)

    def asked(self, host: str) -> list[Seen]:
        return [each for each in self.seen if each.host == host]

    def fetched_months(self) -> list[str]:
        """The months that links were asked for, in order."""
        parts = [each.path.split("/")[-2:] for each in self.asked("api")]
        return [f"{year}-{int(month):02}" for year, month in parts]


class Handler(BaseHTTPRequestHandler):
    stores: Stores
    host: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.answer("GET")

    def do_POST(self) -> None:
        self.answer("POST")

    def answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        stores = self.stores
        with stores.lock:
            stores.seen.append(
                Seen(time.monotonic(), self.host, method, self.path, dict(self.headers.items()), body)
            )
            fault = stores.faults[self.host].popleft() if stores.faults[self.host] else None
        self.form = {name: values[0] for name, values in parse_qs(body).items()}
        if self.host != "elsewhere" and self.host not in ("api", "apple") and "Authorization" in self.headers:
            stores.wrong.append(f"{self.host} was sent a token")
        if fault is not None and fault(self):
            return
        getattr(self, f"{method.lower()}_{self.host}")()

    def post_token(self) -> None:
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return self.json(400, {"error": "invalid_request", "error_description": "Content-Type"})
        if self.form.get("grant_type") != "client_credentials":
            return self.json(400, {"error": "unsupported_grant_type"})
        if (self.form.get("client_id"), self.form.get("client_secret")) != (AMAZON_ID, AMAZON_SECRET):
            said = f"client {self.form.get('client_id')} with {self.form.get('client_secret')} is not known"
            return self.json(401, {"error": "invalid_client", "error_description": said})
        if self.form.get("scope") != SCOPE:
            return self.json(400, {"error": "invalid_scope"})
        token = f"Atc|pl4nted-t0ken-{secrets.token_hex(8)}"
        stores = self.stores
        stores.tokens[token] = stores.clock() + stores.token_seconds
        form = {"access_token": token, "token_type": "bearer", "expires_in": stores.token_seconds}
        return self.json(200, {**form, "scope": SCOPE})

    def get_api(self) -> None:
        stores = self.stores
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if stores.tokens.get(token, 0) <= stores.clock():
            return self.text(401, "Unauthorized")
        *_, kind, year, month = self.path.split("/")
        period = f"{year}-{int(month):02}"
        if kind != "sales" or str(int(month)) != month:
            return self.text(400, "Bad request")
        if stores.amazon.get(period) is None:
            return self.text(400, "Report not found")
        signature = f"pl4nted-s1gnature-{secrets.token_hex(8)}"
        stores.links[signature] = (period, stores.clock() + 300)
        link = f"/85923/sales/sales_{period}.gz?X-Amz-Expires=299&X-Amz-Signature={signature}"
        return self.text(200, stores.link_form(stores.url("files", link)))

    def get_files(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        period, until = self.stores.links.get(query.get("X-Amz-Signature", [""])[0], ("", 0.0))
        if until <= self.stores.clock():
            return self.text(
                403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            )
        return self.send(200, self.stores.amazon[period] or b"", "binary/octet-stream")

    def get_apple(self) -> None:
        import jwt

        try:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            claims = jwt.decode(token, self.stores.public_key, ["ES256"], audience="appstoreconnect-v1")
            header = jwt.get_unverified_header(token)
            assert claims["exp"] - claims["iat"] <= 20 * 60
            assert (claims["iss"], header["kid"]) == ("69a6de70-iss-uer", "2X9R4HXF34")
        except (jwt.PyJWTError, AssertionError, KeyError):
            return self.apple(401, "Provide a properly configured and signed bearer token.")
        asked = {name[7:-1]: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if (asked["reportType"], asked["reportSubType"], asked["vendorNumber"]) != (
            "SALES",
            "SUMMARY",
            "85261205",
        ):
            return self.apple(400, "Wrong parameters.")
        found = self.stores.apple.get((asked["frequency"], asked["reportDate"]), (404, NOT_YET))
        if isinstance(found, tuple):
            return self.apple(*found)
        return self.send(200, gzip.compress(found, mtime=0), "application/a-gzip")

    def get_elsewhere(self) -> None:
        self.stores.wrong.append("another host was asked")
        self.text(200, "welcome")

    def apple(self, status: int, detail: str) -> None:
        error = {"status": str(status), "code": "CODE", "title": "A title", "detail": detail}
        self.json(status, {"errors": [error]})

    def json(self, status: int, value: object) -> None:
        self.send(status, json.dumps(value).encode(), "application/json")

    def text(self, status: int, text: str) -> None:
        self.send(status, text.encode(), "text/plain")

    def send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


def status(code: int, text: str = "", **headers: str) -> Fault:
    """Another answer."""

    def fault(handler: Handler) -> bool:
        handler.send(code, text.encode(), "text/plain", **headers)
        return True

    return fault


def redirect(url: Callable[[Handler], str], code: int = 302) -> Fault:
    """A way to another place."""

    def fault(handler: Handler) -> bool:
        handler.send(code, b"", "text/plain", Location=url(handler))
        return True

    return fault


def _body(handler: Handler) -> bytes:
    """What the files' host or Apple would send."""
    if handler.host == "apple":
        query = parse_qs(urlsplit(handler.path).query)
        asked = (query["filter[frequency]"][0], query["filter[reportDate]"][0])
        return gzip.compress(handler.stores.apple[asked], mtime=0)
    signature = parse_qs(urlsplit(handler.path).query)["X-Amz-Signature"][0]
    return handler.stores.amazon[handler.stores.links[signature][0]] or b""


def cut(share: float = 0.5) -> Fault:
    """A body that breaks off."""
    return _hung_up(share, lambda body: ("Content-Length", str(len(body))))


def unmeasured(share: float = 1.0) -> Fault:
    """A body whose length nobody tells; it may break off."""
    return _hung_up(share, lambda _: ("Connection", "close"))


def _hung_up(share: float, header: Callable[[bytes], tuple[str, str]]) -> Fault:
    """A share of a body, and then the line goes dead."""

    def fault(handler: Handler) -> bool:
        body = _body(handler)
        handler.send_response(200)
        handler.send_header(*header(body))
        handler.end_headers()
        handler.wfile.write(body[: int(len(body) * share)])
        handler.hang_up()
        return True

    return fault


def chunked(share: float = 1.0) -> Fault:
    """A body in chunks; it may break off."""

    def fault(handler: Handler) -> bool:
        body = _body(handler)
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        part = body[: int(len(body) * share)]
        for start in range(0, len(part), 97):
            piece = part[start : start + 97]
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if share < 1:
            handler.hang_up()
        else:
            handler.wfile.write(b"0\r\n\r\n")
        return True

    return fault


def slow(seconds: float, pieces: int = 5) -> Fault:
    """A body that drips."""

    def fault(handler: Handler) -> bool:
        body = _body(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            for piece in range(pieces):
                handler.wfile.write(body[piece * len(body) // pieces : (piece + 1) * len(body) // pieces])
                handler.wfile.flush()
                time.sleep(seconds)
        except OSError:
            handler.close_connection = True
        return True

    return fault


def hang_up(handler: Handler) -> bool:
    """No answer at all."""
    handler.hang_up()
    return True


def wrong_kind(handler: Handler) -> bool:
    """The right body, called something else."""
    handler.send(200, _body(handler), "text/html; charset=iso-8859-1")
    return True


def expire(handler: Handler) -> bool:
    """The link has just ended."""
    signature = parse_qs(urlsplit(handler.path).query)["X-Amz-Signature"][0]
    handler.stores.links[signature] = (handler.stores.links[signature][0], 0.0)
    return False


def revoke(handler: Handler) -> bool:
    """All tokens end before their time."""
    handler.stores.tokens.clear()
    return False


def packed(text: str, how: str, name: str) -> bytes:
    """A report as Amazon gives it."""
    if how == "gzip":
        return gzip.compress(text.encode(), 1, mtime=0)
    if how == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
        return out.getvalue()
    return text.encode()


def forms(secret: str) -> list[bytes]:
    """What a secret may be found as."""
    raw = secret.encode()
    return [raw, raw.hex().encode(), base64.b64encode(raw)[:-4], secret.encode("utf-16-le")]
