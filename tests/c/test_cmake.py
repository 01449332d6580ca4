"""The CMake package of an installed library: programs are built with it, also where the prefix was moved."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from compiling import ROOT, WITH_CPP, run

# The one of PyPI stands in on machines without one.
CMAKE = shutil.which("cmake") or str(Path(sys.executable).parent / "cmake")
PROJECT = """cmake_minimum_required(VERSION 3.15)
project(app LANGUAGES C)
find_package(tillroll {wanted} REQUIRED)
add_executable(app app.c)
target_link_libraries(app PRIVATE {target})
message(STATUS "found ${{tillroll_VERSION}}")
"""
APP = """#include <stdio.h>
#include <tillroll.h>
int main(void) { return puts(tillroll_version()) == EOF; }
"""


def cmake(*arguments) -> subprocess.CompletedProcess:
    # A prefix of the caller's would be found first.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CMAKE_")}
    return subprocess.run([CMAKE, *arguments], env=environment, capture_output=True, text=True)


def configure(folder: Path, prefix: Path, target: str = "tillroll::tillroll", wanted: str = ""):
    (folder / "CMakeLists.txt").write_text(PROJECT.format(target=target, wanted=wanted))
    (folder / "app.c").write_text(APP)
    return cmake("-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}")


def built(folder: Path) -> Path:
    done = cmake("--build", folder / "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build/app"


@WITH_CPP
def test_the_examples_are_built_as_a_project(library, tmp_path, reports):
    done = cmake("-S", ROOT / "ffi/examples", "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={library.prefix}")
    assert done.returncode == 0, done.stderr
    done = cmake("--build", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    reports.write(tmp_path / "sales_2018_03.gz", reports.rows(10, 2018, 3))
    for name in ("import", "report"):
        # The programs know where the library is: CMake links them so.
        told = run([tmp_path / name, tmp_path / f"{name}.till", tmp_path / "sales_2018_03.gz"])
        assert told.startswith("1 files, 0 unchanged, 10 rows, 0 rejected\n")


@pytest.mark.parametrize("target", ["tillroll::tillroll", "tillroll::static"])
def test_a_prefix_that_was_moved_serves(target, library, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(library.prefix, moved, symlinks=True)
    done = configure(tmp_path, moved, target)
    assert done.returncode == 0, done.stderr
    assert "found 0." in done.stdout
    program = built(tmp_path)
    version = run([program]).strip()
    assert f"found {version}" in done.stdout
    if sys.platform == "linux":
        needed = run(["readelf", "-d", program])
        assert ("libtillroll.so" in needed) == (target == "tillroll::tillroll")
        assert str(library.prefix) not in needed


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_one_of_the_libraries_is_enough(kind, library, tmp_path):
    prefix = tmp_path / "prefix"
    shutil.copytree(library.prefix, prefix, symlinks=True)
    for path in (prefix / "lib").glob("libtillroll.*"):
        if (path.suffix == ".a") != (kind == "static"):
            path.unlink()
    done = configure(tmp_path, prefix)
    assert done.returncode == 0, done.stderr
    program = built(tmp_path)
    assert run([program]).strip() in done.stdout
    if sys.platform == "linux":
        assert ("libtillroll.so" in run(["readelf", "-d", program])) == (kind == "shared")
    if kind == "shared":
        assert configure(tmp_path, prefix, "tillroll::static").returncode != 0


@pytest.mark.parametrize(
    ("wanted", "is_found"), [("0.1", True), ("0.1.0 EXACT", True), ("0.0.9", False), ("0.2", False)]
)
def test_versions_that_are_compatible_are_found(wanted, is_found, library, tmp_path):
    done = configure(tmp_path, library.prefix, wanted=wanted)
    assert (done.returncode == 0) == is_found, done.stderr


def test_a_package_without_its_files_is_not_found(library, tmp_path):
    prefix = tmp_path / "prefix"
    shutil.copytree(library.prefix / "lib/cmake", prefix / "lib/cmake")
    done = configure(tmp_path, prefix)
    assert done.returncode != 0
    assert "tillroll.h is not there" in " ".join(done.stderr.split())
    shutil.copytree(library.prefix / "include", prefix / "include")
    done = configure(tmp_path, prefix)
    assert done.returncode != 0
    assert "libtillroll." in done.stderr
    assert "is not there" in done.stderr
