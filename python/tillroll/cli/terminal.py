"""What the other end of a stream is: a terminal with a width and colours, or something that reads text."""

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True)
class Screen:
    """How to write to a stream."""

    stream: TextIO
    # None where lines may be as long as they are.
    width: int | None
    colours: bool
    # Whether boxes and rules can be drawn, or only ASCII is safe.
    unicode: bool

    @classmethod
    def of(cls, stream: TextIO) -> "Screen":
        """A stream as it is now."""
        terminal = stream.isatty()
        dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown", "")
        colours = terminal and not dumb and not os.environ.get("NO_COLOR")
        width = shutil.get_terminal_size().columns if terminal else None
        unicode = (stream.encoding or "").lower().replace("-", "").startswith("utf")
        return cls(stream, width, colours, unicode)

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "."

    def style(self, text: str, code: str) -> str:
        """Text in a style, where there are any."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text else text

    def bold(self, text: str) -> str:
        return self.style(text, "1")

    def dim(self, text: str) -> str:
        return self.style(text, "2")

    def accent(self, text: str) -> str:
        return self.style(text, "36")

    def line(self, text: str = "") -> None:
        """Writes a line; what the stream's encoding lacks is shown by its number."""
        encoding = self.stream.encoding or "utf-8"
        if not self.unicode:
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        self.stream.write(f"{text}\n")


def screen() -> Screen:
    """The standard output."""
    return Screen.of(sys.stdout)
