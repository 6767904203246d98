"""What a reader does with the site as a whole: search it, and miss a page."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tools.check_site.page import PATIENCE_S, listen
from tools.site import CHAPTER, Site, resolve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Route


def check_search(browser: Browser, site: Site) -> list[str]:
    """Search for a word of a page's title, from files, as a reader would."""
    name = next((n for n in site.content if CHAPTER.fullmatch(n)), site.content[0])
    heading = site.pages[name].select_one("article h1") or site.pages[name].title
    words = re.findall(r"[A-Za-z]{4,}", heading.get_text() if heading else "")
    word = max(words, key=len, default="image").lower()
    problems: list[str] = []
    context = browser.new_context()
    try:
        page = context.new_page()
        listen(page, problems)
        page.goto((site.folder / "search.html").as_uri() + f"?q={word}")
        links = page.locator("#search-results ul.search a")
        deadline = time.monotonic() + PATIENCE_S
        found: set[str] = set()
        while name not in found and time.monotonic() < deadline:
            page.wait_for_timeout(100)
            addresses = links.evaluate_all("all => all.map((a) => a.href)")
            here = site.folder.as_uri() + "/"
            found = {
                a.split("?")[0].split("#")[0].removeprefix(here) for a in addresses
            }
        if name not in found:
            problems.append(f"searching for {word!r} does not find {name}")
    finally:
        context.close()
    return [f"search.html: {problem}" for problem in dict.fromkeys(problems)]


def serve_from_files(context: BrowserContext, site: Site, missing: list[str]) -> None:
    """Answer requests to the published address from the built files."""

    def answer(route: Route) -> None:
        address = route.request.url
        found = resolve(site, "index.html", address)
        path = site.folder / found[0] if found else None
        if path and path.is_file():
            route.fulfill(path=path)
        elif route.request.resource_type == "document":
            route.fulfill(path=site.folder / "404.html")
        else:
            missing.append(f"{address} is missing")
            route.abort()

    context.route("**/*", answer)


def check_not_found(browser: Browser, site: Site) -> list[str]:
    """Open a page that is not there, deep in the published site."""
    problems: list[str] = []
    context = browser.new_context()
    try:
        serve_from_files(context, site, problems)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"JavaScript: {error}"))
        page.goto(f"{site.addresses.site}no/such/page.html", wait_until="load")
        if not page.evaluate("getComputedStyle(document.body).margin === '0px'"):
            problems.append("its style sheets do not apply")
        page.click(
            f'article a[href^="{site.addresses.path}index.html"]',
            timeout=PATIENCE_S * 1000,
        )
        page.wait_for_url(f"{site.addresses.site}index.html", timeout=PATIENCE_S * 1000)
    except Exception as error:  # a time-out is a finding, not the end of the run
        problems.append(str(error).splitlines()[0])
    finally:
        context.close()
    return [f"404.html: {problem}" for problem in problems]
