"""One page in a browser, wide and on a phone, on light and on dark."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tools.browser import UNREADY
from tools.check_site.scripts import AXE, FIGURES, LAYOUT, STILL, THIN_OUT_CODE, WATCH

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
SHIFT = 0.02  # cumulative layout shift; up to 0.1 is good enough for Lighthouse
PATIENCE_S = 10.0  # seconds to wait for mathematics, search results, another page
# What axe finds in the theme's own parts, which cannot be mended from here. A finding
# is let through only where rule and place both fit.
THEMES_OWN = {
    "label-content-name-mismatch": ".search-button-field, .theme-switch-button",
    "region": ".bd-sidebar-primary .navbar-brand",
}


def listen(page: Page, problems: list[str]) -> None:
    """Collect what goes wrong in a page: scripts, requests, anything from outside."""

    def on_request(address: str) -> None:
        if urlsplit(address).scheme not in ("file", "data", "blob", "about"):
            problems.append(f"asks for something from outside: {address}")

    def on_console(kind: str, text: str) -> None:
        # Failed loads are reported by their address, below.
        if kind == "error" and "Failed to load resource" not in text:
            problems.append(f"error on the console: {text}")

    page.on("pageerror", lambda error: problems.append(f"JavaScript error: {error}"))
    page.on("console", lambda message: on_console(message.type, message.text))
    page.on("request", lambda request: on_request(request.url))
    page.on(
        "requestfailed",
        lambda request: problems.append(f"failed to load: {request.url}"),
    )


def check_accessibility(page: Page, colours_only: bool = False) -> list[str]:
    """Return what axe finds in an open page, except what is the theme's own."""
    from axe_playwright_python.base import AXE_SCRIPT

    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(AXE, [THEMES_OWN, colours_only])
    return [f"accessibility: {text}" for text in found]


def check_page(
    browser: Browser, address: str, screenshots: Path | None = None, name: str = "page"
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """Open one page at both widths and in both themes.

    Returns
    -------
    tuple
        The problems, each with where it was seen, and the `FIGURES` at each width.
    """
    seen: dict[str, list[str]] = {}
    figures: dict[str, dict[str, float]] = {}
    for kind, (width, height) in WIDTHS.items():
        problems: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=THEMES[0]
        )
        try:
            page = context.new_page()
            listen(page, problems)
            page.add_init_script(WATCH)
            page.goto(address, wait_until="load")
            deadline = time.monotonic() + PATIENCE_S
            while page.evaluate(UNREADY) and time.monotonic() < deadline:
                page.wait_for_timeout(50)
            page.wait_for_timeout(100)  # for what the last formulas moved
            figures[kind] = {
                k: v and round(v, 4) for k, v in page.evaluate(FIGURES).items()
            }
            if figures[kind]["layout_shift"] > SHIFT:
                problems.append(
                    f"what is read moves while the page loads: layout shift "
                    f"{figures[kind]['layout_shift']}, at most {SHIFT}"
                )
            if screenshots:
                take_screenshots(page, screenshots, f"{name}_{width}")
            # Folded solutions are part of the page, and no colour is half faded in.
            page.add_style_tag(content=STILL)
            page.evaluate(
                "document.querySelectorAll('details').forEach(d=>d.open=true)"
            )
            problems += page.evaluate(LAYOUT)
            page.evaluate(THIN_OUT_CODE)
            for theme in THEMES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                page.evaluate("t => document.documentElement.dataset.theme = t", theme)
                page.wait_for_timeout(100)
                # Between themes only colours differ.
                for problem in check_accessibility(page, theme != THEMES[0]):
                    seen.setdefault(problem, []).append(f"{kind} {theme}")
        finally:
            context.close()
        for problem in dict.fromkeys(problems):
            seen.setdefault(problem, []).append(kind)
    return [
        f"{what} ({', '.join(dict.fromkeys(where))})" for what, where in seen.items()
    ], figures


def take_screenshots(page: Page, folder: Path, name: str) -> None:
    """Write pictures of a whole page, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for theme in reversed(THEMES):  # light last: what follows begins with it
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.evaluate("t => document.documentElement.dataset.theme = t", theme)
        page.wait_for_timeout(100)
        page.screenshot(path=folder / f"{name}_{theme}.png", full_page=True)
