"""The names of tests/names.toml are in headers and library, with the types that programs give them."""

import re
import sys
import tomllib

import pytest
from compiling import ROOT, WITH_CPP, run

NAMES = tomllib.loads((ROOT / "tests/names.toml").read_text(encoding="utf-8"))
C, CPP = NAMES["c"], NAMES["cpp"]
FUNCTIONS = set(re.findall(r"\b(tillroll_\w+)\(", C["prototypes"]))


def refused(library, tmp_path, language: str, source: str) -> str:
    """What a compiler holds against a source; nothing where it takes it."""
    path = tmp_path / "names.c"
    path.write_text(source, encoding="utf-8")
    try:
        library.compile(tmp_path / "names.o", [path], language, library.flags("--cflags"), more=["-c"])
    except AssertionError as told:
        return str(told)
    return ""


def c_source() -> str:
    lines = ["#include <stddef.h>", "#include <tillroll.h>", "#ifdef __cplusplus", 'extern "C" {', "#endif"]
    lines += [C["prototypes"], "#ifdef __cplusplus", "}", "#endif"]
    for structure in C["structures"]:
        name, members = structure.split(": ")
        # Of the same members comes the same size, and each has its place and its size.
        lines.append(f"struct promised_{name} {{ {members.replace(', ', '; ')}; }};")
        lines.append(
            f"typedef char size_of_{name}[sizeof(struct promised_{name}) == sizeof({name}) ? 1 : -1];"
        )
        for number, member in enumerate(re.findall(r"(\w+)(?:\[\d+\])?(?:,|$)", members)):
            same = f"offsetof(struct promised_{name}, {member}) == offsetof({name}, {member})"
            lines.append(f"typedef char place_{number}_in_{name}[{same} ? 1 : -1];")
    for name, number in C["numbers"].items():
        lines.append(f"typedef char value_of_{name}[{name} == {number} ? 1 : -1];")
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("language", ["c99", pytest.param("c++17", marks=WITH_CPP)])
def test_the_header_declares_what_programs_call(language, library, tmp_path):
    assert refused(library, tmp_path, language, c_source()) == ""


def test_another_type_or_number_would_be_seen(library, tmp_path):
    source = c_source()
    for before, after, told in [
        ("size_t count, uint64_t account_id", "size_t count, uint32_t account_id", "tillroll_sales_import"),
        ("(const tillroll_progress *, void *)", "(const void *, void *)", "a_progress_fn"),
        ("TILLROLL_IO == 200", "TILLROLL_IO == 201", "value_of_TILLROLL_IO"),
        ("uint64_t reserved[8]", "uint64_t reserved[7]", "size_of_tillroll_import_summary"),
    ]:
        assert before in source
        assert told in refused(library, tmp_path, "c99", source.replace(before, after))


@pytest.mark.skipif(sys.platform != "linux", reason="names and tools of Linux")
def test_the_library_exports_what_programs_call(library):
    names = run(["nm", "-D", "--defined-only", "--format=posix", library.prefix / "lib/libtillroll.so"])
    exported = {line.split()[0] for line in names.splitlines()}
    assert FUNCTIONS - exported == set()
    assert {name for name in exported if not name.startswith("tillroll_")} == set()


def test_every_function_of_the_header_is_documented_with_its_version(library):
    header = (library.prefix / "include/tillroll.h").read_text()
    found = re.findall(r"/\*\*((?:(?!\*/).)*)\*/\n[a-z][^;{]*?\b(tillroll_\w+)\(", header, re.DOTALL)
    comments = {name: comment for comment, name in found}
    assert library.declared - comments.keys() == set()
    words = {name: " ".join(comment.replace("*", " ").split()) for name, comment in comments.items()}
    assert [name for name in library.declared if "Since 0." not in words[name]] == []


@WITH_CPP
def test_the_wrapper_has_what_programs_use(library, tmp_path):
    lines = ["#include <tillroll.hpp>"]
    lines += [f"using tillroll::{name};" for name in CPP[""].split()]
    for number, (type_, members) in enumerate(each for each in CPP.items() if each[0]):
        # A using-declaration takes overloads and data alike; what is private or not there is refused.
        uses = " ".join(f"using tillroll::{type_}::{member};" for member in members.split())
        lines.append(f"struct probe_{number} : tillroll::{type_} {{ {uses} }};")
    source = "\n".join([*lines, ""])
    assert refused(library, tmp_path, "c++17", source) == ""
    wrong = source.replace("::set_passphrase;", "::set_password;")
    assert "set_password" in refused(library, tmp_path, "c++17", wrong)
