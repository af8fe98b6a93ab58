"""Every command explains itself: a first sentence, an example that calls it, and a word on every option."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from ledger.cli.main import cli


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, name
            yield from commands(below, (*words, name))


ALL = dict(commands(cli))
LEAVES = [words for words, command in ALL.items() if not isinstance(command, click.Group)]


def manual(words: tuple[str, ...]) -> str:
    shown = CliRunner().invoke(cli, [*words, "--help"], prog_name="lotwright", terminal_width=160)
    assert shown.exit_code == 0
    return shown.output


def test_there_are_commands() -> None:
    assert len(LEAVES) >= 17


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_the_manual_of_a_command_shows_an_example_on_a_line_of_its_own(words: tuple[str, ...]) -> None:
    lines = manual(words).splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith("  Example")]
    example = lines[start + 1 : lines.index("", start)]
    assert any(line.startswith("    lotwright ") and f" {' '.join(words)}" in line for line in example)


@pytest.mark.parametrize("words", ALL, ids=lambda words: " ".join(words) or "lotwright")
def test_a_manual_holds_no_mark_of_formatting(words: tuple[str, ...]) -> None:
    assert "\\b" not in manual(words)
    assert "\b" not in manual(words)


@pytest.mark.parametrize("words", ALL, ids=lambda words: " ".join(words) or "lotwright")
def test_every_option_says_what_it_is_for(words: tuple[str, ...]) -> None:
    silent = [option.name for option in ALL[words].params if isinstance(option, click.Option) and not option.help]
    assert silent == []


@pytest.mark.parametrize("words", ALL, ids=lambda words: " ".join(words) or "lotwright")
def test_a_manual_begins_with_one_sentence(words: tuple[str, ...]) -> None:
    text = ALL[words].help
    assert text is not None
    first = text.strip().partition("\n\n")[0].replace("\n", " ")
    assert first.endswith(".")
    assert first[0].isupper()
