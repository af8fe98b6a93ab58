"""Secrets: fetched from where they are kept, refused where others may read them, and never repeated."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from ledger.config import ConnectionSettings, check_reference, resolve_secrets
from ledger.domain.errors import InputError
from ledger.domain.ids import AccountId, VenueName
from ledger.domain.secrets import Secrets

WHOLE = Secrets(key="k-1", secret="s3cr3t", passphrase="open sesame")
TOML = 'KEY = "k-1"\nsecret = "s3cr3t"\nPASSPHRASE = "open sesame"\n'

Resolve = Callable[..., Secrets | None]


@pytest.fixture
def resolve(tmp_path: Path) -> Resolve:
    """Return what resolves a reference of a connection `main` of a book in the test's own folder."""

    def resolved(reference: str | None, environment: Mapping[str, str] = {}) -> Secrets | None:  # never changed
        connection = ConnectionSettings(name=AccountId("main"), venue=VenueName("v"), secrets=reference)
        return resolve_secrets(connection, folder=tmp_path, environment=environment)

    return resolved


@pytest.fixture
def keys_file(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = tmp_path / "keys.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return written


def refusal(resolve: Resolve, reference: str, environment: Mapping[str, str] = {}) -> tuple[str, str]:  # never changed
    with pytest.raises(InputError) as refused:
        resolve(reference, environment)
    assert "s3cr3t" not in str(refused.value)
    return refused.value.message, refused.value.mend


def test_a_connection_without_a_reference_has_no_secrets(resolve: Resolve) -> None:
    assert resolve(None) is None


def test_secrets_never_stand_in_their_own_repr() -> None:
    assert repr(WHOLE) == "Secrets()"


# --- env -------------------------------------------------------------------------------------------------------------


def test_the_environment_gives_what_begins_with_the_prefix(resolve: Resolve) -> None:
    environment = {"CB_KEY": "k-1", "CB_SECRET": "s3cr3t", "CB_PASSPHRASE": "open sesame", "KEY": "other"}
    assert resolve("env:CB", environment) == WHOLE
    del environment["CB_PASSPHRASE"]
    assert resolve("env:CB", environment) == Secrets(key="k-1", secret="s3cr3t")


@pytest.mark.parametrize(("absent", "there"), [("KEY", {"CB_SECRET": "s3cr3t"}), ("SECRET", {"CB_KEY": "k-1", "CB_SECRET": ""})])
def test_a_variable_that_is_missing_is_named(resolve: Resolve, absent: str, there: dict[str, str]) -> None:
    message, mend = refusal(resolve, "env:CB", there)
    assert message == f"connection main: env:CB gives no {absent}"
    assert mend == f"set the environment variable CB_{absent}"


# --- file ------------------------------------------------------------------------------------------------------------


def test_a_file_gives_its_names_in_either_case_beside_the_book_or_anywhere(
    resolve: Resolve, keys_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = keys_file(TOML)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [resolve(f"file:{place}") for place in ("keys.toml", str(path), "~/keys.toml")] == [WHOLE] * 3


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_may_touch_is_refused(resolve: Resolve, keys_file: Callable[[str], Path], mode: int) -> None:
    path = keys_file(TOML)
    path.chmod(mode)
    assert refusal(resolve, "file:keys.toml") == (f"connection main: others may read {path} (mode {mode:04o})", f"chmod 600 {path}")


def test_a_file_that_is_not_there_incomplete_or_no_toml_is_refused_without_its_text(
    resolve: Resolve, keys_file: Callable[[str], Path], tmp_path: Path
) -> None:
    assert refusal(resolve, "file:none.toml")[0] == f"connection main: cannot read {tmp_path}/none.toml: No such file or directory"
    path = keys_file('SECRET = "s3cr3t"\n')
    assert refusal(resolve, "file:keys.toml") == ("connection main: file:keys.toml gives no KEY", "add a line KEY to keys.toml")
    for broken in ("KEY = s3cr3t\n", 's3cr3t\n"', 'KEY = "s3cr3t\n'):
        keys_file(broken)
        message, mend = refusal(resolve, "file:keys.toml")
        assert (message, mend) == (
            f"connection main: {path} is not valid TOML",
            'write lines such as KEY = "..." and SECRET = "..."',
        )


def test_a_broken_file_of_secrets_leaves_no_parser_error_behind_the_message(resolve: Resolve, keys_file: Callable[[str], Path]) -> None:
    keys_file("KEY = s3cr3t\n")
    with pytest.raises(InputError) as refused:
        resolve("file:keys.toml")
    assert (refused.value.__cause__, refused.value.__suppress_context__) == (None, True)


# --- cmd -------------------------------------------------------------------------------------------------------------


def test_a_command_prints_the_same_lines_in_the_folder_of_the_book(resolve: Resolve, keys_file: Callable[[str], Path]) -> None:
    keys_file(TOML)
    assert resolve("cmd:cat keys.toml") == WHOLE


def test_a_command_that_fails_or_prints_something_else_is_refused_without_its_output(
    resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(resolve, "cmd:echo s3cr3t; exit 3") == (
        "connection main: the secrets command ended with exit 3",
        "run it by hand and mend it",
    )
    assert refusal(resolve, "cmd:echo s3cr3t")[0] == "connection main: the secrets command's output is not valid TOML"
    assert refusal(resolve, "cmd:true") == ("connection main: cmd:true gives no KEY", "let the command print a line KEY")
    monkeypatch.setattr("ledger.config.secrets._COMMAND_SECONDS_MAX", 0.1)
    assert refusal(resolve, "cmd:exec sleep 5")[0] == "connection main: the secrets command took over 0.1 seconds"


# --- keyring ---------------------------------------------------------------------------------------------------------


class Keyring(KeyringBackend):
    """A keyring in memory, which can be locked."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring has types for the rest only
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def kept() -> Iterator[Keyring]:
    before, ours = keyring.get_keyring(), Keyring()
    keyring.set_keyring(ours)
    yield ours
    keyring.set_keyring(before)


def test_a_keyring_gives_the_names_of_a_service(resolve: Resolve, kept: Keyring) -> None:
    for name, text in (("KEY", "k-1"), ("SECRET", "s3cr3t"), ("PASSPHRASE", "open sesame")):
        keyring.set_password("coinbase", name, text)
    assert resolve("keyring:coinbase") == WHOLE
    keyring.delete_password("coinbase", "PASSPHRASE")
    assert resolve("keyring:coinbase") == Secrets(key="k-1", secret="s3cr3t")
    keyring.delete_password("coinbase", "SECRET")
    assert refusal(resolve, "keyring:coinbase") == (
        "connection main: keyring:coinbase gives no SECRET",
        "store it: keyring set coinbase SECRET",
    )
    kept.locked = True
    assert refusal(resolve, "keyring:coinbase") == (
        "connection main: the keyring does not answer: locked",
        "unlock it, or use env: or file:",
    )


# --- references ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["env:CB", "keyring:coinbase", "file:~/keys.toml", "cmd:pass show coinbase", "cmd:a:b"])
def test_references_of_the_four_forms_are_taken(reference: str) -> None:
    check_reference(reference, where="the option")


@pytest.mark.parametrize("pasted", ["", "s3cr3t", "env", "env:", "ENV:CB", "vault:s3cr3t", ":s3cr3t", " env:CB"])
def test_what_is_no_reference_is_refused_and_not_repeated(pasted: str) -> None:
    with pytest.raises(InputError, match="the option is no reference to secrets") as refused:
        check_reference(pasted, where="the option")
    assert "s3cr3t" not in str(refused.value)
