"""Settings as they are written: the first ones, and connections added and removed."""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.book import FIRST_VALUES
from ledger.config import (
    ConnectionSettings,
    add_connection,
    load_settings,
    remove_connection,
    write_first_settings,
    write_private,
)
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, BotId, VenueName, WalletId

BookWith = Callable[[str], Path]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_first_settings_are_the_owner_s_alone_and_read_back_as_given(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "book"
    settings = write_first_settings(folder, {**FIRST_VALUES, "time_zone": "Europe/London"})
    assert (mode_of(folder), mode_of(folder / "lotwright.toml")) == (0o700, 0o600)
    assert (settings.time_zone, settings.currency, settings.database) == ("Europe/London", "USD", f"sqlite:///{folder}/book.sqlite3")
    assert [path.name for path in folder.iterdir()] == ["lotwright.toml"]


def test_first_settings_never_replace_those_of_a_book(tmp_path: Path) -> None:
    write_first_settings(tmp_path, FIRST_VALUES)
    before = (tmp_path / "lotwright.toml").read_bytes()
    with pytest.raises(InputError, match="is there already"):
        write_first_settings(tmp_path, FIRST_VALUES)
    assert (tmp_path / "lotwright.toml").read_bytes() == before


def test_impossible_first_settings_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"book\.currency is 'dollars'"):
        write_first_settings(tmp_path, {**FIRST_VALUES, "currency": "dollars"})
    assert list(tmp_path.iterdir()) == []


def test_first_settings_with_quotes_in_them_are_still_toml(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"""book\.time_zone is '"\\\\\\n'"""):
        write_first_settings(tmp_path, {**FIRST_VALUES, "time_zone": '"\\\n'})


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write"):
        write_first_settings(tmp_path / "file" / "book", FIRST_VALUES)


COMMENTED = """\
# my book
[book]   # the only one
currency = "USD"   # dollars

# nightly at three
[connections.main]
venue = "coinbase-exchange"  # the only venue

[[bots]]
name = "dca"
client_order_id = "dca-*"
"""


def spare() -> ConnectionSettings:
    return ConnectionSettings(
        name=AccountId("spare"),
        venue=VenueName("coinbase-exchange"),
        bot=BotId("grid-1"),
        wallet=WalletId("joint"),
        secrets="file:keys.toml",
        share=0.125,
        base_url="http://127.0.0.1:1",
    )


def test_adding_and_removing_a_connection_keeps_every_comment(book_with: BookWith) -> None:
    folder = book_with(COMMENTED)
    added = add_connection(load_settings(folder), spare())
    assert added.connection("spare") == spare()
    text = (folder / "lotwright.toml").read_text(encoding="utf-8")
    assert all(comment in text for comment in ("# my book", "# the only one", "# dollars", "# nightly at three", "# the only venue"))
    removed = remove_connection(added, "spare")
    assert (folder / "lotwright.toml").read_text(encoding="utf-8") == COMMENTED
    assert removed == load_settings(folder)
    assert [path.name for path in folder.iterdir()] == ["lotwright.toml"]
    assert mode_of(folder / "lotwright.toml") == 0o600


def test_the_first_connection_of_a_book_and_the_last_one(tmp_path: Path) -> None:
    settings = write_first_settings(tmp_path, FIRST_VALUES)
    alone = replace(spare(), bot=None, wallet=None, secrets=None, base_url=None)
    added = add_connection(settings, alone)
    assert added.connections == (alone,)
    assert remove_connection(added, "spare").connections == ()


def test_a_connection_that_is_there_or_cannot_be_leaves_the_file_as_it_was(book_with: BookWith) -> None:
    folder = book_with(COMMENTED)
    settings = load_settings(folder)
    before = (folder / "lotwright.toml").stat()
    with pytest.raises(InputError, match="there is a connection named 'main' already"):
        add_connection(settings, replace(spare(), name=AccountId("main")))
    with pytest.raises(InputError, match=r"connections\.spare\.share is 2"):
        add_connection(settings, replace(spare(), share=2.0))
    with pytest.raises(InputError, match="no connection named 'spare'"):
        remove_connection(settings, "spare")
    assert (folder / "lotwright.toml").read_text(encoding="utf-8") == COMMENTED
    after = (folder / "lotwright.toml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "it was written before it was looked at"


def test_settings_that_find_no_room_are_told_and_stay_as_they_were(book_with: BookWith, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = book_with(COMMENTED)

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(InputError, match=r"cannot write .*lotwright\.toml: No space left on device"):
        add_connection(load_settings(folder), spare())
    assert (folder / "lotwright.toml").read_text(encoding="utf-8") == COMMENTED
    assert [path.name for path in folder.iterdir()] == ["lotwright.toml"]


def test_settings_that_are_a_link_stay_one(book_with: BookWith, tmp_path: Path) -> None:
    folder = book_with(COMMENTED)
    elsewhere = tmp_path / "dotfiles.toml"
    (folder / "lotwright.toml").rename(elsewhere)
    (folder / "lotwright.toml").symlink_to(elsewhere)
    add_connection(load_settings(folder), spare())
    assert (folder / "lotwright.toml").is_symlink()
    assert "[connections.spare]" in elsewhere.read_text(encoding="utf-8")


def test_a_private_file_is_replaced_whole_whatever_an_interrupted_run_left(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    left = tmp_path / "settings.new"
    left.write_text("half", encoding="utf-8")
    before = os.umask(0)
    try:
        write_private(path, "new")
    finally:
        os.umask(before)
    assert (path.read_text(encoding="utf-8"), mode_of(path), left.exists()) == ("new", 0o600, False)
