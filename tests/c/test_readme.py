"""The C++ of the README, and the C of the page on installing and of the header, run as they stand there."""

import re
import subprocess
from decimal import Decimal

from compiling import ROOT, WITH_CPP, run

README = ROOT / "README.md"
INSTALL = ROOT / "docs/install.md"


def test_the_c_of_the_page_on_installing_runs(library, tmp_path, reports):
    text = INSTALL.read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```c\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rows = {month: reports.rows(50, 2018, month) for month in (3, 4)}
    for month, some in rows.items():
        reports.write(tmp_path / "reports" / f"sales_2018_{month:02}.gz", some)
    source = tmp_path / "app.c"
    source.write_text(snippet, encoding="utf-8")
    program = library.compile(tmp_path / "app", [source])
    done = subprocess.run([program], cwd=tmp_path, env=library.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sums = reports.sums(rows[3] + rows[4], ["month", "currency"], ["units"])
    assert done.stdout.splitlines() == ["2 100 0", *(f"{line['units']} units" for line in sums)]
    # A second run does the same to the same database, and so imports nothing new; a missing report is told.
    (tmp_path / "reports").rename(tmp_path / "elsewhere")
    done = subprocess.run([program], cwd=tmp_path, env=library.environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "reports/*.gz" in done.stderr


@WITH_CPP
def test_the_cpp_of_the_readme_runs(library, tmp_path, reports):
    text = README.read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```cpp\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rows = reports.rows(50, 2018, 3)
    reports.write(tmp_path / "reports" / "sales_2018_03.gz", rows)
    source = tmp_path / "app.cpp"
    source.write_text(snippet, encoding="utf-8")
    program = library.compile(tmp_path / "app", [source], "c++17")
    first, *lines = run([program], cwd=tmp_path, env=library.environment).splitlines()
    assert first == "1 50 0"
    sums = reports.sums(rows, ["month", "currency"], ["units", "earnings"])
    printed = [(line.split()[3], int(line.split()[1]), Decimal(line.split()[2])) for line in lines]
    assert printed == [(line["currency"], line["units"], line["earnings"]) for line in sums]


def test_the_c_at_the_head_of_the_header_runs(library, tmp_path):
    head = (library.prefix / "include/tillroll.h").read_text().split("*/")[0]
    code = "\n".join(re.findall(r"^ \*     (.*)$", head, re.MULTILINE))
    source = tmp_path / "head.c"
    source.write_text(
        f"#include <stdio.h>\n#include <tillroll.h>\nint main(void) {{\n{code}\nreturn err != NULL;\n}}\n"
    )
    program = library.compile(tmp_path / "head", [source])
    assert run([program], cwd=tmp_path, env=library.environment) == ""
    assert (tmp_path / "shop.till").is_dir()
