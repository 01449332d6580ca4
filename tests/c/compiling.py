"""How the programs of these tests are made: compilers, what checks them, the library they link with."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# A C file is a C++ file to the second; what NDEBUG takes out of a program must be missed by none.
LANGUAGES = {
    "c99": [os.environ.get("CC", "cc"), "-std=c99", "-DNDEBUG"],
    "c++17": [os.environ.get("CXX", "c++"), "-x", "c++", "-std=c++17"],
    "c++20": [os.environ.get("CXX", "c++"), "-x", "c++", "-std=c++20"],
}
NO_CPP = shutil.which(os.environ.get("CXX", "c++")) is None
WITH_CPP = pytest.mark.skipif(NO_CPP, reason="there is no C++ compiler on this machine")
NO_VALGRIND = shutil.which("valgrind") is None
WITH_VALGRIND = pytest.mark.skipif(NO_VALGRIND, reason="there is no valgrind on this machine")
MEMCHECK = [
    "valgrind",
    "--quiet",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect,possible",
    "--errors-for-leak-kinds=definite,indirect,possible",
    f"--suppressions={HERE / 'valgrind.supp'}",
    "--gen-suppressions=all",
    "--error-exitcode=99",
]
# The programs, and what of tillroll.hpp is in them; the library stays as it ships. A finding ends them.
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


@dataclass
class Library:
    """Where the library was installed, and how programs are made with it."""

    prefix: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"LD_LIBRARY_PATH": str(self.prefix / "lib")}

    def flags(self, *arguments: str, tool: list[str] | None = None) -> list[str]:
        """What pkg-config says of the library. Without a pkg-config of the system there is PyPI's."""
        system = shutil.which("pkg-config")
        tool = tool or ([system] if system else [sys.executable, "-m", "pkgconf"])
        path = {"PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")}
        return run([*tool, *arguments, "tillroll"], env=os.environ | path).split()

    @property
    def declared(self) -> set[str]:
        """The functions of the header."""
        header = (self.prefix / "include/tillroll.h").read_text()
        code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
        names = re.findall(r"^[a-z].*?\*?(tillroll_\w+)\([^;]*\);", code, re.MULTILINE | re.DOTALL)
        assert len(names) > 30
        return {name for name in names if not name.endswith("_fn")}

    def compile(self, to: Path, sources: list[Path], language: str = "c99", flags=None, more=()) -> Path:
        linked = flags or self.flags("--cflags", "--libs")
        # The sources come before the libraries that they need; `-x c++` would hold for these too.
        names = [str(source) for source in sources]
        none = [] if language == "c99" else ["-x", "none"]
        command = [*LANGUAGES[language], *WARNINGS, *more, "-g", "-pthread"]
        run([*command, "-o", str(to), *names, *none, *linked])
        return to


def run(command, **options) -> str:
    """The output of a command, which must succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
