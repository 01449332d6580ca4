"""What can go wrong at a store. No text of these shows a secret, a token or a link."""

import json
from urllib.parse import quote, quote_plus

import tillroll


class StoreError(tillroll.Error):
    """A store did not give a report; the next sync asks again."""


class SignInError(StoreError):
    """A store does not take the credentials: somebody must do what the message says."""


class GaveUpError(StoreError):
    """A store did not answer in time, however often it was asked."""


def shown(text: str, secrets: tuple[str, ...] = ()) -> str:
    """What a server said, in a short line that holds none of these texts."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        # As it is, and as forms, links and JSON write it.
        for form in (secret, quote_plus(secret), quote(secret), json.dumps(secret)[1:-1]):
            text = text.replace(form, "…")
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= 200 else f"{line[:199]}…"
