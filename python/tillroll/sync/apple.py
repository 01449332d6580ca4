"""The App Store Connect API: a signed token, and the summary sales report of a day, week, month or year.

This is the only file that names jwt, and it does so where it signs: Amazon needs none of it.
"""

import json
import re
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import tillroll
from tillroll.sync.errors import SignInError, StoreError, shown
from tillroll.sync.http import Answer, Client
from tillroll.sync.settings import Settings
from tillroll.sync.store import Fetched, Missing

AUDIENCE = "appstoreconnect-v1"
# Apple takes at most twenty.
_MINUTES = 15
_MARGIN_SECONDS = 60
_TO_DO = (
    "in App Store Connect open Users and Access > Integrations > App Store Connect API, check that the key "
    "is active and may read sales (Sales and Reports, Finance or Admin), and that the vendor number is that "
    "of Payments and Financial Reports; then set the credentials anew"
)


class Apple:
    """The reports of one account at App Store Connect."""

    def __init__(
        self, credentials: tillroll.Credentials, vendor_id: int | None, client: Client, settings: Settings
    ) -> None:
        self._credentials = credentials
        has_own = "vendor_number" in credentials
        self._vendor = credentials["vendor_number"] if has_own else vendor_id
        self._client = client
        self._settings = settings
        self._header: dict[str, str] = {}
        self._until = float("-inf")
        self._version = "1_0"

    def fetch(self, planned: tillroll.PlannedFetch, folder: Path) -> Fetched | Missing:
        """The period's report."""
        if self._vendor is None:
            raise SignInError(
                "there is no vendor number: it is that of Payments and Financial Reports in App Store "
                "Connect; "
                "set it with the credentials, or as the account's vendor_id"
            )
        path = folder / f"apple-sales_{planned.period}.txt.gz"
        answer = self._ask(planned, path)
        newer = re.search(r"latest version for this report is (\d+_\d+)", answer.text)
        if answer.status == 400 and newer and newer[1] != self._version:
            self._version = newer[1]
            answer = self._ask(planned, path)
        if answer.status == 200:
            return Fetched(path, planned.period)
        return self._missing(answer)

    def _missing(self, answer: Answer) -> Missing:
        """What Apple says of a report that it does not give."""
        said = shown(_detail(answer.text), self._secrets())
        if answer.status == 410:
            return Missing.GONE
        if answer.status == 404 and "no sales" in said.lower():
            return Missing.NONE
        if answer.status == 404 and "not available yet" in said.lower():
            return Missing.LATER
        if answer.status in (401, 403):
            raise SignInError(f"Apple refuses the key ({answer.status} {said}): {_TO_DO}")
        raise StoreError(f"Apple answers {answer.status} {said}")

    def _ask(self, planned: tillroll.PlannedFetch, path: Path) -> Answer:
        query = {
            "filter[reportType]": "SALES",
            "filter[reportSubType]": "SUMMARY",
            "filter[vendorNumber]": self._vendor,
            "filter[version]": self._version,
            **_period(planned),
        }
        url = f"{self._settings.apple_report_url}?{urlencode(query)}"
        return self._client.ask("GET", url, headers=self._signed_in, into=path)

    def _signed_in(self) -> dict[str, str]:
        if self._settings.clock() >= self._until:
            self._until = self._settings.clock() + _MINUTES * 60 - _MARGIN_SECONDS
            self._header = {"Authorization": f"Bearer {self._new_token()}", "Accept": "application/a-gzip"}
        return self._header

    def _new_token(self) -> str:
        import jwt

        now = int(time.time())
        claims = {
            "iss": self._credentials["issuer_id"],
            "iat": now,
            "exp": now + _MINUTES * 60,
            "aud": AUDIENCE,
        }
        headers = {"kid": self._credentials["key_id"]}
        # Raised below, where no traceback leads to the key.
        token = None
        with suppress(jwt.PyJWTError, ValueError, TypeError):
            token = jwt.encode(claims, self._credentials["private_key"], algorithm="ES256", headers=headers)
        if token is None:
            raise SignInError(
                f"the private key cannot sign: it must be the whole text of the .p8 file; {_TO_DO}"
            )
        return token

    def _secrets(self) -> tuple[str, ...]:
        sealed = [self._credentials[name] for name in self._credentials.keys()]  # noqa: SIM118
        return (*sealed, self._header.get("Authorization", "").removeprefix("Bearer "))


def _period(planned: tillroll.PlannedFetch) -> dict[str, str]:
    """How Apple names a period: a week by its Sunday."""
    first, last = planned.first_day, planned.last_day
    days = (last - first).days + 1
    match days:
        case 1:
            frequency, date = "DAILY", first.isoformat()
        case 7:
            frequency, date = "WEEKLY", last.isoformat()
        case _ if days < 32:
            frequency, date = "MONTHLY", f"{first:%Y-%m}"
        case _:
            frequency, date = "YEARLY", f"{first:%Y}"
    return {"filter[frequency]": frequency, "filter[reportDate]": date}


def _detail(text: str) -> str:
    """The words of an error, which come as a list of objects."""
    try:
        errors = json.loads(text)["errors"]
        return "; ".join(str(error.get("detail") or error.get("title") or "") for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text
