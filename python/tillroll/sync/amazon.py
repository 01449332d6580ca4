"""Amazon's Appstore Reporting API: a token, by it a link, and behind that the report of a month.

The token is good for an hour, a link for five minutes. The link is another host's, which never sees the
token.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tillroll
from tillroll.sync.container import extension
from tillroll.sync.errors import SignInError, StoreError, shown
from tillroll.sync.http import Answer, Broken, Client, is_passing
from tillroll.sync.settings import Settings, is_inside, is_safe
from tillroll.sync.store import Fetched, Missing

SCOPE = "adx_reporting::appstore:marketer"
# A token that is about to end is not used any more.
_MARGIN_SECONDS = 60
_PROFILES = "in the Amazon Developer Console open Apps & Services > Security Profiles"
_TO_DO = {
    "invalid_client": f"Amazon does not know these credentials: {_PROFILES}, copy Client ID and "
    "Client Secret of the profile, and set them anew",
    "unauthorized_client": f"Amazon does not let this security profile sign in: {_PROFILES}, and check it",
    "invalid_scope": "the security profile is not attached to the Reporting API: in the Amazon Developer "
    "Console open Apps & Services > API Access > Reporting API, choose the profile and attach it",
}


class Token:
    """What the reporting API lets in. It shows itself nowhere."""

    def __init__(self, text: str, until: float) -> None:
        self._text = text
        self.until = until

    def secret(self) -> str:
        """The text that no message may show."""
        return self._text

    def header(self) -> dict[str, str]:
        """The header that carries it."""
        return {"Authorization": f"Bearer {self._text}"}

    def __repr__(self) -> str:
        return "<Token>"


class Amazon:
    """The reports of one account at the Amazon Appstore."""

    def __init__(self, credentials: tillroll.Credentials, client: Client, settings: Settings) -> None:
        self._credentials = credentials
        self._client = client
        self._settings = settings
        self._token: Token | None = None

    def fetch(self, planned: tillroll.PlannedFetch, folder: Path) -> Fetched | Missing:
        """The month's report."""
        path = folder / "amazon.part"
        for attempt in range(self._settings.attempts_max):
            link = self._link(planned)
            if link is None:
                return Missing.NONE
            answer = self._client.once("GET", link, into=path, may_redirect=True)
            if isinstance(answer, Answer) and answer.status == 200:
                # So named, its month is told by the name, and the rows must agree with it.
                first = planned.first_day
                named = path.with_name(f"sales_{first.year}_{first.month:02}{extension(path)}")
                return Fetched(path.replace(named), None)
            # 403: the link has expired.
            if not is_passing(answer) and not (isinstance(answer, Answer) and answer.status == 403):
                break
            self._client.pause(attempt, _busy(answer))
        answer = self._client.settled(answer)
        raise StoreError(f"Amazon's link to the report answers {answer.status}")

    def _link(self, planned: tillroll.PlannedFetch) -> str | None:
        """The link to a month's report, None where there is none."""
        first = planned.first_day
        url = f"{self._settings.amazon_report_url.rstrip('/')}/{first.year}/{first.month}"
        answer = self._client.ask("GET", url, headers=lambda: self._signed_in().header())
        if answer.status == 401:
            # It ended early, by Amazon's clock.
            self._token = None
            answer = self._client.ask("GET", url, headers=lambda: self._signed_in().header())
        if answer.status == 200:
            return self._read_link(answer.text)
        # Any other 404 is that of a wrong address or of a proxy, and says nothing of sales.
        if answer.status in (400, 404) and "report not found" in answer.text.lower():
            return None
        said = shown(answer.text, self._secrets())
        if answer.status in (401, 403):
            raise SignInError(f"Amazon refuses the token ({answer.status} {said}): {_TO_DO['invalid_scope']}")
        raise StoreError(f"Amazon answers {answer.status} {said}")

    def _read_link(self, text: str) -> str:
        """The link in an answer: bare, in quotes, or in an object."""
        link: Any = text.strip()
        if link.startswith(('"', "{")):
            link = _parsed(link)
            link = link.get("url", link.get("downloadUrl")) if isinstance(link, dict) else link
        if not isinstance(link, str) or not is_safe(link):
            raise StoreError("Amazon's answer is no link to a report")
        if urlsplit(link).username is not None:
            raise StoreError("Amazon's link names a user")
        if is_inside(link) and not is_inside(self._settings.amazon_report_url):
            raise StoreError("Amazon's link leads to this machine or its network")
        return link

    def _signed_in(self) -> Token:
        if self._token is None or self._settings.clock() >= self._token.until:
            self._token = self._new_token()
        return self._token

    def _new_token(self) -> Token:
        asked_at = self._settings.clock()
        form = {
            "grant_type": "client_credentials",
            "client_id": self._credentials["client_id"],
            "client_secret": self._credentials["client_secret"],
            "scope": SCOPE,
        }
        answer = self._client.ask("POST", self._settings.amazon_token_url, form=form)
        said = _parsed(answer.text)
        said = said if isinstance(said, dict) else {}
        token, seconds = said.get("access_token"), said.get("expires_in", 3600)
        if answer.status == 200 and isinstance(token, str) and token.isascii() and token.isprintable():
            seconds = min(seconds, 86_400) if isinstance(seconds, int | float) else 3600
            return Token(token, asked_at + max(0, seconds - _MARGIN_SECONDS))
        raise self._refused(answer.status, said)

    def _refused(self, status: int, said: dict[str, Any]) -> StoreError:
        error, why = said.get("error"), said.get("error_description")
        if isinstance(error, str) and error in _TO_DO:
            return SignInError(_TO_DO[error])
        text = shown(f"{error or ''} {why or ''}", self._secrets())
        if status == 200:
            return StoreError("Amazon's answer holds no token")
        return SignInError(f"Amazon gives no token ({status} {text})")

    def _secrets(self) -> tuple[str, ...]:
        sealed = [self._credentials[name] for name in self._credentials.keys()]  # noqa: SIM118
        return (*sealed, self._token.secret()) if self._token else tuple(sealed)


def _busy(answer: Answer | Broken) -> Answer | Broken:
    """An expired link is no reason to give up as for a busy server, but neither to ask for ever."""
    if isinstance(answer, Answer) and answer.status == 403:
        return Broken("its links expire before the report has come")
    return answer


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
