"""The tasks of docs/guide.md, as its tests in all languages read them."""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
HERE = re.compile(r"^( *)(?:// here|/\* here \*/)\n", re.MULTILINE)


@dataclass
class Task:
    """A section: its snippets by language, and what they print."""

    name: str
    snippets: list[tuple[str, str]]

    @property
    def printed(self) -> list[str]:
        return dict(self.snippets)["text"].splitlines()

    def snippet(self, *languages: str) -> tuple[str, str]:
        """The one snippet in one of these languages, whichever it is."""
        (found,) = [(language, code) for language, code in self.snippets if language in languages]
        return found


def _sections() -> list[Task]:
    parts = re.split(r"^(?:# |## )", GUIDE, flags=re.MULTILINE)[1:]
    fence = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [Task(part.splitlines()[0], fence.findall(part)) for part in parts]


HEAD, *TASKS = _sections()


def framed(language: str, snippet: str) -> str:
    """A snippet in what the head of the guide puts around it."""
    _, frame = HEAD.snippet(language)
    indent = HERE.search(frame)[1]
    lines = [indent + line if line else line for line in snippet.splitlines(keepends=True)]
    return HERE.sub(lambda _: "".join(lines), frame)


def write_reports(folder: Path) -> None:
    """The reports that the guide begins with, as a store gives them."""
    for source in (ROOT / "tests/data/guide").glob("*/*.csv"):
        to = folder / source.parent.name / f"{source.name}.gz"
        to.parent.mkdir(exist_ok=True)
        to.write_bytes(gzip.compress(source.read_bytes()))


def is_part(lines: list[str], whole: list[str]) -> bool:
    """Whether these lines stand among the others, in this order."""
    rest = iter(whole)
    return all(line in rest for line in lines)
