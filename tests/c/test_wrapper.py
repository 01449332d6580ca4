"""What the C++ header must be beside right: complete, documented, and no trouble to what includes it."""

import itertools
import os
import re

import pytest
from compiling import HERE, ROOT, WARNINGS, WITH_CPP, run

HEADER = ROOT / "include/tillroll.hpp"
CPP = os.environ.get("CXX", "c++")


def declarations() -> list[tuple[str, str]]:
    """Each documented declaration: its comment, and its code up to the body."""
    found = re.findall(
        r"((?:^ *///.*\n)+)((?:^(?! *///).*\n)+?)(?=^ *(?:///|$))", HEADER.read_text(), re.MULTILINE
    )
    return [(comment, code) for comment, code in found if code.strip()]


def name_of(code: str) -> str | None:
    """What a declaration declares; nothing for constructors, operators and what only iterators need."""
    code = re.sub(r"^ *template <.*?>\n? *(?=[a-z])", "", code.strip(), flags=re.DOTALL)
    if "operator" in code or re.match(r"(explicit )?(\w+)\(", code):
        return None
    match = re.match(r"(?:using|struct|class|enum class) (\w+)", code) or re.search(
        r"[ *&](\w+)(?:\(| =|;|\{)", code
    )
    return match[1] if match else None


def test_every_member_is_used():
    """By the program that tests them, or by an example."""
    sources = [HERE / "wrapper.cpp", *(ROOT / "ffi/examples").glob("*.cpp")]
    used = "".join(path.read_text() for path in sources)
    words = set(re.findall(r"\w+", used))
    names = {name_of(code) for _, code in declarations()} - {None}
    assert len(names) > 100
    # Loops use these without naming them.
    assert names - words - {"iterator", "batch_range", "product_lookup"} == set()


def test_every_public_member_is_documented():
    """What begins a declaration in a class stands under a comment, or is private."""
    text = re.sub(
        r"^namespace detail \{.*?^\} // namespace detail$", "", HEADER.read_text(), flags=re.M | re.S
    )
    is_public, missing = False, []
    for before, line in itertools.pairwise(text.splitlines()):
        if re.match(r"\w", line):
            is_public = line.startswith("struct") or line == "public:"
        begins = re.match(r" {4}(?!friend class|public:|private:)\w", line)
        if is_public and begins and not re.match(r" *(///|template|.*>$)", before):
            missing.append(line)
    assert missing == []


@WITH_CPP
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_it_compiles_alone_with_more_warnings(standard, tmp_path):
    source = tmp_path / "alone.cpp"
    source.write_text("#include <tillroll.hpp>\n#include <tillroll.hpp>\n")
    more = ["-Wshadow", "-Wconversion", "-Wsign-conversion", "-Wold-style-cast", "-Wnon-virtual-dtor"]
    # As no header of the system, whose warnings are not shown.
    run([CPP, f"-std={standard}", *WARNINGS, *more, f"-I{HEADER.parent}", "-fsyntax-only", source])


@WITH_CPP
def test_it_leaks_no_macro(tmp_path):
    def macros(text: str) -> set[str]:
        source = tmp_path / "macros.cpp"
        source.write_text(text)
        told = run([CPP, "-std=c++17", "-dM", "-E", f"-I{HEADER.parent}", source])
        return {line.split()[1].split("(")[0] for line in told.splitlines()}

    standard = "".join(re.findall(r"^#include <.*>\n", HEADER.read_text(), re.MULTILINE))
    without = macros(standard + '#include "tillroll.h"\n')
    assert macros('#include "tillroll.hpp"\n') - without == {"TILLROLL_HPP"}


@WITH_CPP
def test_the_example_at_its_head_runs(library, tmp_path, reports):
    head = HEADER.read_text().split("#ifndef TILLROLL_HPP")[0]
    code = "\n".join(re.findall(r"^//     (.*)$", head, re.MULTILINE))
    source = tmp_path / "head.cpp"
    source.write_text(code + "\n")
    rows = reports.rows(50, 2018, 3)
    reports.write(tmp_path / "reports/sales_2018_03.gz", rows)
    program = library.compile(tmp_path / "head", [source], "c++17")
    first, *lines = run([program], cwd=tmp_path, env=library.environment).splitlines()
    assert first == "1 files, 50 rows"
    sums = reports.sums(rows, ["month", "currency"], ["units", "earnings"])
    assert [line.split()[:3] for line in lines] == [
        [str(line["month"]), line["currency"], str(line["units"])] for line in sums
    ]
