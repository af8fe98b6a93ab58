"""Run the properties marked `fuzz` for minutes: whatever a venue or a file says is read or refused, and nothing else is raised.

Each property runs again and again with examples of another seed until its time is over, counted in CPU seconds, so that other work
on the machine takes nothing from it; one that fails ends at once, and the program with 1. `--only` takes a part of the name, for
instance of a format or a venue, and can be given several times.
"""

import argparse
import resource
import subprocess
import sys

PROFILE = ("--timeout", "0", "--hypothesis-profile", "fuzz")


def main() -> None:
    """Run every property that is wanted and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="CPU seconds for each property (default: %(default)s)")
    parser.add_argument("--only", action="append", help="run the properties whose names hold this text")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: %(default)s)")
    options = parser.parse_args()
    names = [name for name in collected() if any(part in name for part in options.only or [""])]
    failed = [name for name in names if not lasts(name, seconds=options.seconds, seed=options.seed)]
    print(f"{len(names)} properties, {len(failed)} failed")
    sys.exit(bool(failed or not names))


def collected() -> list[str]:
    """Return the names of all properties."""
    return [line for line in pytest("-m", "fuzz", "--collect-only").stdout.splitlines() if "::" in line]


def lasts(name: str, *, seconds: int, seed: int) -> bool:
    """Run one property until its time is over; print how often, or how it failed."""
    began, rounds = cpu_seconds(), 0
    while cpu_seconds() - began < seconds:
        said = pytest(*PROFILE, "--hypothesis-seed", str(seed + rounds), name)
        if said.returncode:
            print(f"{name}: failed with seed {seed + rounds}\n{said.stdout}", flush=True)
            return False
        rounds += 1
    print(f"{name}: {cpu_seconds() - began:.0f} s, {rounds} rounds", flush=True)
    return True


def cpu_seconds() -> float:
    """Return the CPU seconds that all ended runs took together."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in a process of their own, as the failing of one must not end the others."""
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own tests


if __name__ == "__main__":
    main()
