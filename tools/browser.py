"""A headless Chromium, for what only a browser can see or print."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
UNREADY = """() => document.readyState !== "complete" ||
  [...document.querySelectorAll(".math")].some((e) => !e.querySelector("mjx-container"))
"""


class BrowserMissingError(RuntimeError):
    """There is no Chromium to look with."""


def find_browser() -> str | None:
    """Return the path of a Chromium on this machine, or None for Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        path = shutil.which(named)
        if path is None:
            raise BrowserMissingError(
                f"CHROMIUM is {named!r}: there is no such program."
            )
        return path
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a headless Chromium.

    Raises
    ------
    BrowserMissingError
        If there is none, with the ways to get one.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise BrowserMissingError(
            "The package playwright is missing; `make setup` installs it."
        ) from error
    path = find_browser()
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            raise BrowserMissingError(
                "No Chromium found. Install one (Debian: apt-get install chromium), "
                f"or run `{sys.executable} -m playwright install chromium`, or name "
                "its program in the environment variable CHROMIUM."
            )
        try:
            browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        except Error as error:
            # The browser's own words, such as a library that is missing.
            lines = str(error).splitlines()
            said = [lines[0], *(line.strip() for line in lines if "[err]" in line)]
            name = path or playwright.chromium.executable_path
            raise BrowserMissingError(
                f"{name} does not start. " + "\n".join(said)
            ) from error
        try:
            yield browser
        finally:
            browser.close()
