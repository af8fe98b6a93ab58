"""The README is run: its commands in order in an empty folder, their output compared; and what it names must exist.

``console`` blocks are sessions: lines that begin with ``$ `` are run by one shell, the lines below each are what it
printed. Compared as they stand, but for what `VOLATILE` lists and for the folder itself, which the README calls
``~/lotwright``. LOTWRIGHT_RECORD=1 writes the output into the README instead, except under CI.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ledger.cli.main import cli

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
SAMPLES = ROOT / "sample_data"
BIN = Path(sys.executable).parent
HOME = "~/lotwright"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|[\s/])lotwright\"?( [a-z-][^|>;]*)")
MARK = "\x1e"  # ASCII record separator: printed after each command, with its exit code

# What no two runs have in common: pacing and our own clock.
VOLATILE = (
    (re.compile(r"\d+ signed calls; \d+ were asked again"), "N signed calls; N were asked again"),
    (re.compile(r"(recorded|fetched): \d{4}-\S+Z"), r"\1: INSTANT"),
    (re.compile(r"EL-[0-9a-f]{16}"), "EL-ID"),
    (re.compile(r'(sale f1",10/06/2025),\d\d/\d\d/\d{4},'), r"\1,TODAY,"),
    (re.compile(r"(recorded_at|disposed_at|made_at)\": \"[^\"]+"), r"\1: INSTANT"),
    (re.compile(r"(?m)^( +hash): [0-9a-f]{64}$"), r"\1: HASH"),
)

# `make` with the Makefile of the repository, the environment that runs the tests, and nothing to install.
PRELUDE = f"""
mark() {{ code=$?; printf '{MARK}%s{MARK}' "$code"; return "$code"; }}
make() {{ command make --no-print-directory -f {shlex.quote(str(ROOT / "Makefile"))} -o .venv/.ready BIN={shlex.quote(str(BIN))} "$@"; }}
"""


def text() -> str:
    return README.read_text(encoding="utf-8")


def steps() -> list[tuple[str, str]]:
    """Commands of all sessions in order, each with the output that the README shows."""
    found: list[tuple[str, str]] = []
    for session in SESSION.findall(text()):
        assert session.startswith("$ "), f"a session begins with a command: {session!r}"
        for line in session.splitlines(keepends=True):
            if line.startswith("$ "):
                found.append((line.removeprefix("$ ").rstrip("\n"), ""))
            else:
                found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def masked(output: str) -> str:
    for pattern, replacement in VOLATILE:
        output = pattern.sub(replacement, output)
    return output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def ran(folder: Path) -> list[tuple[str, int]]:
    """What each command printed, standard error included, and its exit code."""
    shutil.copytree(SAMPLES, folder / "sample_data")
    script = PRELUDE + "".join(f"{command}\nmark\n" for command, _ in steps())
    shell = shutil.which("sh")
    assert shell is not None
    environment = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [shell, "-c", script], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    printed = done.stdout.replace(str(folder), HOME).split(MARK)
    results = [(output, int(code)) for output, code in zip(printed[:-1:2], printed[1::2], strict=True)]
    if os.environ.get("LOTWRIGHT_RECORD") == "1":
        record([output for output, _ in results])
    return results


def record(outputs: list[str]) -> None:
    assert os.environ.get("CI") is None, "the README is never recorded in CI"
    left: Iterator[str] = iter(outputs)

    def renewed(session: re.Match[str]) -> str:
        commands = [line for line in session[1].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{command}\n{next(left)}" for command in commands) + "```"

    README.write_text(SESSION.sub(renewed, text()), encoding="utf-8")


def test_every_command_of_the_readme_prints_what_the_readme_shows(ran: list[tuple[str, int]]) -> None:
    shown = [f"$ {command}\n{masked(output)}" for command, output in steps()]
    printed = [f"$ {command}\n{masked(output)}" for (command, _), (output, _) in zip(steps(), ran, strict=True)]
    assert printed == shown


def test_every_command_of_the_readme_succeeds(ran: list[tuple[str, int]]) -> None:
    asked_for_code = [*(command == "echo $?" for command, _ in steps()), False]
    failed = [
        (command, code, output)
        for number, ((command, _), (output, code)) in enumerate(zip(steps(), ran, strict=True), start=1)
        if code and not asked_for_code[number]
    ]
    assert failed == []


def test_the_python_of_the_readme_runs(folder: Path, ran: list[tuple[str, int]]) -> None:
    assert ran
    (program,) = [block for kind, block in FENCE.findall(text()) if kind == "python"]
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "grid-1" in done.stdout


def test_both_commands_that_a_newcomer_needs_are_named() -> None:
    assert "make demo" in text()
    assert "make test" in text()
    assert any(command == "make demo" for command, _ in steps())


# --- what is named exists --------------------------------------------------------------------------------------------


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None, name
        yield from commands(below, (*words, name))


ALL_COMMANDS = dict(commands(cli))


@pytest.mark.parametrize("words", ALL_COMMANDS, ids=" ".join)
def test_every_command_stands_in_the_readme(words: tuple[str, ...]) -> None:
    call = re.compile(r"\blotwright\b(?: --?\w+(?: \S+)?)*? " + " ".join(words) + r"\b")
    assert call.search(text())


def calls() -> list[list[str]]:
    """Every call of `lotwright` in any block of the README, and in its tables, as words."""
    typed = [command for command, _ in steps()]
    unrun = [line for kind, block in FENCE.findall(text()) if kind in {"sh", "ini"} for line in block.splitlines()]
    inline = re.findall(r"`(lotwright [^`]+)`", FENCE.sub("", text()))
    found = [match[1] for line in [*typed, *unrun, *inline] if (match := CALL.search(line))]
    return [shlex.split(call, comments=True) for call in found]


def test_every_call_in_the_readme_names_a_command_and_options_that_exist() -> None:
    assert len(calls()) > len(ALL_COMMANDS) / 2
    for words in calls():
        node: click.Command = cli
        rest = list(words)
        while rest:
            options = {name for parameter in node.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"-h", "--help"}
            word = rest.pop(0)
            if word.startswith("-"):
                assert word in options, (words, word)
                parameter = next((one for one in node.params if word in one.opts), None)
                if isinstance(parameter, click.Option) and not (parameter.is_flag or parameter.count) and rest:
                    rest.pop(0)
            elif isinstance(node, click.Group):
                below = node.get_command(click.Context(node), word)
                assert below is not None, (words, word)
                node = below


def where_table() -> list[tuple[str, str]]:
    section = text().split("## Where do I ...?\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    return [(question.strip(), answer.strip()) for question, answer in rows[1:]]


def test_every_question_leads_to_one_file_that_exists() -> None:
    assert len(where_table()) > 10
    for question, answer in where_table():
        (path,) = re.findall(r"\(([^)]+)\)", answer)
        assert (ROOT / path).is_file(), question
        assert f"[`{path}`]" in answer, question


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", text()):
        assert (ROOT / target).exists(), target


def test_every_exit_code_of_the_program_is_explained() -> None:
    table = text().split("## Exit codes\n", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == ["0", "1", "2", "3", "4", "5", "70", "130"]
