"""What the C++ header must be beside right: complete, documented, and no trouble to what includes it."""

import itertools
import os
import re

import pytest
from compiling import HERE, ROOT, WARNINGS, WITH_CPP, run

HEADER = ROOT / "include/tillroll.hpp"
CPP = os.environ.get("CXX", "c++")


def functions(folder, source, *more: str) -> set[str]:
    """The functions of the header that are in what a compiler makes of a source, overload by overload."""
    made = folder / f"{source.stem}.o"
    include = [f"-I{HEADER.parent}", f"-I{HERE}"]
    run([CPP, "-std=c++17", "-O0", "-fno-inline", *more, *include, "-c", "-o", made, source])
    lines = run(["nm", "--demangle", "--format=posix", made]).splitlines()
    names = {re.sub(r" [a-zA-Z]( [0-9a-f ]*)?$", "", line) for line in lines}
    # What a lambda becomes beside its body is the compiler's.
    return {name for name in names if "tillroll::v" in name and "{lambda" not in name}


@pytest.fixture(scope="module")
def used(tmp_path_factory) -> set[str]:
    """What the program that tests the header calls of it, and the examples."""
    folder = tmp_path_factory.mktemp("used")
    sources = [HERE / "wrapper.cpp", *(ROOT / "ffi/examples").glob("*.cpp")]
    return set().union(*(functions(folder, source) for source in sources))


@WITH_CPP
def test_every_member_is_used(used, tmp_path):
    """By its overload, as a compiler sees it: words may stand anywhere."""
    if "clang" in run([CPP, "--version"]):
        pytest.skip(reason="only GCC can be told to keep functions that nobody calls")
    source = tmp_path / "all.cpp"
    source.write_text("#include <tillroll.hpp>\n")
    kept = functions(tmp_path, source, "-fkeep-inline-functions")
    declared = {name for name in kept if name.startswith("tillroll::v")}
    assert len(declared) > 200
    assert any(name.endswith("::stream::batches() &&") for name in declared)
    assert declared - used == set()


@WITH_CPP
def test_every_template_is_used(used):
    """A compiler makes nothing of one that nobody calls."""
    public = re.sub(
        r"^namespace detail \{.*?^\} // namespace detail$", "", HEADER.read_text(), flags=re.M | re.S
    )
    constructors = re.findall(r"^    template <(?:.|\n)*?>\n    (\w+)\((.*?)\)", public, re.MULTILINE)
    assert len(constructors) > 3
    for name, parameter in constructors:
        made = [each for each in used if f"::{name}::{name}<" in each]
        is_range = "Range" in parameter
        assert any(("std::" in each.split("<", 1)[1]) == is_range for each in made), f"{name}({parameter})"


def test_every_type_is_used():
    sources = [HERE / "wrapper.cpp", *(ROOT / "ffi/examples").glob("*.cpp")]
    words = set(re.findall(r"\w+", "".join(path.read_text() for path in sources)))
    types = set(re.findall(r"^(?:using|struct|class|enum class) (\w+)", HEADER.read_text(), re.MULTILINE))
    assert len(types) > 20
    # What a function takes or gives without its name being written, and what is the header's own.
    unnamed = {"freed", "c_text", "c_texts", "input_iterator", "watcher", "asking", "product_lookup"}
    assert types - words - unnamed == set()


def test_the_inline_namespace_is_that_of_compatible_versions(library):
    """Where a new version may break what was, a program of both is refused by the linker."""
    version = (library.prefix / "lib/cmake/tillroll/tillroll-config-version.cmake").read_text()
    compatible = re.search(r'_tillroll_compatible "(.*)"', version)[1]
    assert f"inline namespace v{compatible.replace('.', '_')} {{" in HEADER.read_text()


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
