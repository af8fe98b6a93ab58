"""How a secret is fetched from where it is kept: environment, file, keyring, or a command that prints it."""

import os
import stat
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from ledger.config.values import ConnectionSettings
from ledger.domain.errors import InputError
from ledger.domain.secrets import Secrets

_SECRET_NAMES = ("KEY", "SECRET", "PASSPHRASE")
_COMMAND_SECONDS_MAX = 60


def check_reference(reference: str, *, where: str) -> None:
    """Check the form of a secrets reference without fetching anything.

    Raises:
        InputError: when it is none; the text itself is not repeated, as it may be a secret pasted by mistake.
    """
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in _SCHEMES or not rest:
        raise InputError(
            f"{where} is no reference to secrets",
            mend="use env:PREFIX, keyring:SERVICE, file:PATH or cmd:COMMAND; a key itself must never stand in settings or options",
        )


def resolve_secrets(connection: ConnectionSettings, *, folder: Path, environment: Mapping[str, str]) -> Secrets | None:
    """Fetch the secrets that a connection refers to; None when it refers to none.

    Raises:
        InputError: when they are not there, not complete, or kept in a file that others may read.
    """
    if connection.secrets is None:
        return None
    scheme, _, rest = connection.secrets.partition(":")
    where = f"connection {connection.name}"
    found = _SCHEMES[scheme](rest, where, folder, environment)
    for name in ("KEY", "SECRET"):
        if not found.get(name):
            raise InputError(f"{where}: {connection.secrets} gives no {name}", mend=_MENDS[scheme].format(rest=rest, name=name))
    return Secrets(key=found["KEY"], secret=found["SECRET"], passphrase=found.get("PASSPHRASE", ""))


def secrets_file(connection: ConnectionSettings, *, folder: Path) -> Path | None:
    """Return the file that holds the secrets of a connection; None where they are kept elsewhere."""
    scheme, _, place = (connection.secrets or "").partition(":")
    return _file(place, folder) if scheme == "file" else None


def _file(place: str, folder: Path) -> Path:
    return (folder / Path(place).expanduser()).resolve()


def _from_environment(prefix: str, _where: str, _folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment.get(f"{prefix}_{name}", "") for name in _SECRET_NAMES}


def _from_file(place: str, where: str, folder: Path, _environment: Mapping[str, str]) -> dict[str, str]:
    path = _file(place, folder)
    try:
        mode = path.stat().st_mode
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InputError(f"{where}: others may read {path} (mode {stat.S_IMODE(mode):04o})", mend=f"chmod 600 {path}")
        return _from_toml(path.read_text(encoding="utf-8"), f"{where}: {path}")
    except OSError as error:
        raise InputError(f"{where}: cannot read {path}: {error.strerror}", mend="make the file, mode 0600, with KEY and SECRET") from error


def _from_keyring(service: str, where: str, _folder: Path, _environment: Mapping[str, str]) -> dict[str, str]:
    import keyring  # noqa: PLC0415  # loading its backends takes long and most books never use them
    from keyring.errors import KeyringError  # noqa: PLC0415  # as above

    try:
        return {name: keyring.get_password(service, name) or "" for name in _SECRET_NAMES}
    except KeyringError as error:
        raise InputError(f"{where}: the keyring does not answer: {error}", mend="unlock it, or use env: or file:") from error


def _from_command(command: str, where: str, folder: Path, _environment: Mapping[str, str]) -> dict[str, str]:
    try:
        done = subprocess.run(  # noqa: S602  # the user's own command line from the user's own settings
            command,
            shell=True,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{where}: the secrets command took over {_COMMAND_SECONDS_MAX} seconds", mend="run it by hand") from error
    if done.returncode != 0:
        raise InputError(f"{where}: the secrets command ended with exit {done.returncode}", mend="run it by hand and mend it")
    return _from_toml(done.stdout, f"{where}: the secrets command's output")


def _from_toml(text: str, what: str) -> dict[str, str]:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # The parser's own message may repeat a part of the text, and the text holds secrets.
        raise InputError(f"{what} is not valid TOML", mend='write lines such as KEY = "..." and SECRET = "..."') from None
    return {name: str(found) for name in _SECRET_NAMES if (found := read.get(name, read.get(name.lower())))}


_SCHEMES: dict[str, Callable[[str, str, Path, Mapping[str, str]], dict[str, str]]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
    "cmd": _from_command,
}
_MENDS = {
    "env": "set the environment variable {rest}_{name}",
    "file": "add a line {name} to {rest}",
    "keyring": "store it: keyring set {rest} {name}",
    "cmd": "let the command print a line {name}",
}
