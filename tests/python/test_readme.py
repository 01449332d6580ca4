"""What the README shows is run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

README = Path(__file__).parents[2] / "README.md"
# Two screens; what is more has a place of its own in docs.
LINES_MAX = 105


def test_the_python_of_the_readme_runs(tmp_path, reports):
    snippets = re.findall(
        r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert snippets, "the README shows no Python"
    for month in [3, 4]:
        reports.write(tmp_path / "reports" / f"sales_2018_{month:02}.gz", reports.rows(50, 2018, month))
    script = tmp_path / "readme.py"
    script.write_text("\n".join(snippets), encoding="utf-8")
    ran = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "2018-03-01" in ran.stdout
    assert (tmp_path / "shop.till").is_dir()


def test_the_commands_of_the_readme_run(tmp_path, reports):
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.startswith("tillroll ")]
    assert commands, "the README shows no command line"
    for month in [3, 4]:
        reports.write(tmp_path / "reports" / f"sales_2018_{month:02}.gz", reports.rows(50, 2018, month))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euc", "\n".join(commands)],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "months.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_readme_is_read_to_its_end():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


def test_the_picture_is_read_by_day_and_by_night_and_by_ear():
    text = (README.parent / "docs/tillroll.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert "prefers-color-scheme: dark" in text
    assert 'role="img" aria-labelledby="t d"' in text
    assert not re.search(r"url\(|@import|href", text)
    assert re.search(r"!\[[^\]]{20,}\]\(docs/tillroll\.svg\)", README.read_text(encoding="utf-8"))
