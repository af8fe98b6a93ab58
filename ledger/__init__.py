"""Lotwright: exact, provable books for people who run trading bots."""

from importlib.metadata import version

__version__ = version("lotwright")
