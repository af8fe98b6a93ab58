"""A container's limit counts where it is the smaller one."""

from pathlib import Path

import pytest

from ledger.storage.bulk.memory import memory_bytes


@pytest.mark.parametrize("told", ["max\n", "999999999999999999\n"])
def test_without_a_limit_there_is_what_the_machine_has(told: str, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(told, encoding="ascii")
    assert memory_bytes(tmp_path / "memory.max") == memory_bytes(tmp_path / "none") > 1 << 26


def test_a_container_has_what_it_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("536870912\n", encoding="ascii")
    assert memory_bytes(tmp_path / "memory.max") == 512 * 1024 * 1024


def test_a_system_that_does_not_tell_is_taken_to_have_a_gibibyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sysconf")
    assert memory_bytes(tmp_path / "none") == 1 << 30
