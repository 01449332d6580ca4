"""The Python of docs/guide.md runs as it stands there, and prints what stands beneath it."""

import subprocess
import sys

from guide import GUIDE, HEAD, TASKS, is_part, write_reports


def test_each_task_is_shown_in_three_languages_with_its_answer():
    assert len(TASKS) == 10
    assert [language for language, _ in HEAD.snippets] == ["c", "cpp", "rust"]
    for number, task in enumerate(TASKS, 1):
        assert task.name.startswith(f"{number}. ")
        first, second, *others = [language for language, _ in task.snippets]
        assert (first, second in {"c", "cpp"}, others) == ("python", True, ["rust", "text"])
    assert GUIDE.count("\n```") == 2 * sum(len(task.snippets) for task in [HEAD, *TASKS])


def test_the_python_of_the_guide_prints_what_it_says(tmp_path):
    write_reports(tmp_path)
    for task in TASKS:
        _, code = task.snippet("python")
        script = tmp_path / "task.py"
        script.write_text(code, encoding="utf-8")
        ran = subprocess.run(
            [sys.executable, "-X", "utf8", script], cwd=tmp_path, capture_output=True, text=True
        )
        assert ran.returncode == 0, f"{task.name}:\n{ran.stderr}"
        assert ran.stdout.splitlines() == task.printed, task.name


def test_a_part_is_told_from_what_is_none():
    assert is_part([], ["a"])
    assert is_part(["a", "c"], ["a", "b", "c"])
    assert not is_part(["c", "a"], ["a", "b", "c"])
    assert not is_part(["a", "a"], ["a", "b"])
