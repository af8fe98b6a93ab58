"""Where results go: standard output that is full, closed or left by its reader; files, links, pipes and devices named by `-o`."""

import os
import subprocess
from pathlib import Path
from threading import Thread

import pytest

from .conftest import COMMAND, SECONDS_MAX, BookFolder

FULL = "lotwright: cannot write standard output: No space left on device\n  mend: free some room, or send it elsewhere\n"
GAINS = ("report", "gains", "--format", "csv")


def into(synced: BookFolder, target: str, *arguments: str) -> tuple[int, str]:
    """Run a command whose standard output is a file; return its exit code and standard error."""
    command = [COMMAND, "--book", str(synced.folder), *arguments]
    with Path(target).open("wb") as output:
        ran = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False, timeout=SECONDS_MAX)
    return ran.returncode, ran.stderr


# --- standard output ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [GAINS, ("report", "gains", "--format", "xlsx"), ("lots", "list"), ("status",), ("--help",), ("report",)], ids=" ".join
)
def test_a_full_standard_output_ends_with_2_and_is_no_fault_of_ours(arguments: tuple[str, ...], synced: BookFolder) -> None:
    assert into(synced, "/dev/full", *arguments) == (2, FULL)


def test_a_closed_standard_output_ends_with_2(synced: BookFolder) -> None:
    ran = synced.run("status", before=lambda: os.close(1))
    assert ran.refused(2) == "lotwright: standard output is closed\n  mend: send it to /dev/null if it is not wanted\n"


@pytest.mark.parametrize("format_name", ["csv", "xlsx"])
def test_a_reader_that_is_gone_before_the_first_byte_is_no_fault(format_name: str, synced: BookFolder) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    command = [COMMAND, "--book", str(synced.folder), "report", "gains", "--format", format_name]
    ran = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False, timeout=SECONDS_MAX)
    os.close(theirs)
    assert (ran.returncode, ran.stderr) == (0, "")


# --- the file of -o ----------------------------------------------------------------------------------------------------


def test_a_dash_is_standard_output(synced: BookFolder) -> None:
    ran = synced.run("report", "gains", "--format", "csv", "-o", "-").ok()
    assert (ran.raw, ran.err) == (synced.run(*GAINS).ok().raw, "")


@pytest.mark.parametrize("name", ["lotwright.toml", "book.sqlite3", "book.sqlite3-wal", "book.sqlite3.lock", "main.secrets.toml", "link"])
@pytest.mark.parametrize("arguments", [("report", "gains", "--format", "csv"), ("lots", "elections", "--proof")], ids=" ".join)
def test_no_file_of_the_book_itself_is_replaced(arguments: tuple[str, ...], name: str, synced: BookFolder, tmp_path: Path) -> None:
    target = synced.folder / name
    if name == "link":
        target = tmp_path / name
        target.symlink_to(synced.database)
    before = {path: path.read_bytes() for path in synced.folder.iterdir()}
    told = synced.run(*arguments, "-o", target).refused(2)
    assert told == f"lotwright: {target} is one of the book's own files\n  mend: choose another name for the result\n"
    assert {path: path.read_bytes() for path in synced.folder.iterdir()} == before


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced(exists: bool, synced: BookFolder, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    target, link = tmp_path / "real.csv", tmp_path / "link.csv"
    if exists:
        target.write_text("older", encoding="utf-8")
    link.symlink_to(target.name)
    synced.run("report", "gains", "-o", link).ok()
    assert link.is_symlink()
    assert target.read_bytes() == synced.run(*GAINS).ok().raw
    assert {path.name for path in tmp_path.iterdir()} == {"real.csv", "link.csv"}


@pytest.mark.parametrize("format_name", ["csv", "xlsx"])
def test_a_pipe_is_written_into_and_stays_a_pipe(format_name: str, synced: BookFolder, tmp_path: Path) -> None:
    pipe, received = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    synced.run("report", "gains", "--format", format_name, "-o", pipe).ok()
    reader.join(SECONDS_MAX)
    assert pipe.is_fifo()
    assert received == [synced.run("report", "gains", "--format", format_name).ok().raw]


@pytest.mark.parametrize("format_name", ["csv", "xlsx"])
def test_a_device_is_written_into_and_told_when_it_takes_nothing(format_name: str, synced: BookFolder) -> None:
    told = synced.run("report", "gains", "--format", format_name, "-o", "/dev/full").refused(2)
    assert told == "lotwright: cannot write /dev/full: No space left on device\n  mend: free some room, or choose another folder\n"
    assert Path("/dev/full").is_char_device()
    synced.run("report", "gains", "--format", format_name, "-o", "/dev/null").ok()
    assert Path("/dev/null").is_char_device()


def test_a_link_that_leads_to_itself_is_refused(synced: BookFolder, tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop.name)
    told = synced.run("report", "gains", "-o", loop).refused(2)
    assert told.startswith(f"lotwright: cannot write {loop}: Too many levels of symbolic links\n  mend: ")


@pytest.mark.parametrize(("name", "suffix"), [("x.pdf", "pdf"), ("x.2025", "2025")])
def test_an_ending_of_no_format_is_refused_with_those_that_there_are(name: str, suffix: str, synced: BookFolder, tmp_path: Path) -> None:
    target = tmp_path / name
    assert synced.run("report", "gains", "-o", target).refused(2) == (
        f"lotwright: {target}: no format has names that end in .{suffix}\n"
        "  mend: use .csv, .html, .json, .txt, .xlsx, or name the format with --format\n"
    )
    assert list(tmp_path.iterdir()) == []
    synced.run("report", "gains", "-o", target, "--format", "csv").ok()
    assert target.read_bytes() == synced.run(*GAINS).ok().raw


@pytest.mark.parametrize("name", ["x", "x.txt", "x.TXT"])
def test_text_and_no_ending_at_all_are_a_table(name: str, synced: BookFolder, tmp_path: Path) -> None:
    synced.run("report", "gains", "-o", tmp_path / name).ok()
    assert (tmp_path / name).read_bytes() == synced.run("report", "gains").ok().raw
