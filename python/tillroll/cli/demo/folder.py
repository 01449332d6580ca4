"""The demo's directory: whose it is, and what lies where."""

from pathlib import Path

from tillroll.cli.demo import writer
from tillroll.cli.trouble import Trouble

MARK = "tillroll-demo.txt"
# Raised when the writer gives other bytes.
EDITION = "Sample data of `tillroll demo`, first edition. All of it is invented: delete it at will.\n"


class Folder:
    """A directory for the demo: its mark, the reports, the database."""

    def __init__(self, text: str) -> None:
        self.path = Path(text)
        self.reports = self.path / "reports"
        self.database = self.path / "shop.till"

    def claim(self) -> None:
        """Makes the directory, or takes it up again if it is the demo's."""
        mark = self.path / MARK
        if self.path.exists() and not self.path.is_dir():
            raise Trouble(f"{self.path} is no directory")
        if not mark.exists() and self.path.is_dir() and any(self.path.iterdir()):
            raise Trouble(f"{self.path} is not empty and no demo of ours: name another directory")
        self.path.mkdir(parents=True, exist_ok=True)
        mark.touch()

    def is_written(self) -> bool:
        """Whether the reports of this edition are all there."""
        return self._edition() == EDITION and all(path.exists() for path in writer.paths(self.reports))

    def written(self) -> None:
        """Notes that all reports are there."""
        (self.path / MARK).write_text(EDITION, encoding="utf-8")

    def _edition(self) -> str:
        return (self.path / MARK).read_text(encoding="utf-8")
