"""Check the built site in a headless browser: ``python -m tools.check_site [SITE]``.

Every page is opened from its file, without a network, at the width of a desktop and of
a phone, on light and on dark. What can be seen without a browser (links, texts of
pictures, metadata, buttons) is read from the files.

How heavy, how fast and how steady each page is goes to ``site_figures.json`` beside the
site. Weight and steadiness are checked; times depend on the machine and are not.
"""

from __future__ import annotations

import argparse
import json
import os
import posixpath
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

from bs4 import BeautifulSoup

from tools.notebooks import write_whole
from tools.sphinx_site import BRANCH, COLAB, ROOT, Addresses, read_addresses

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

# Pages that are part of no chapter: nothing leads to them in order.
EXTRA_PAGES = ("404.html", "search.html")
CHAPTER = re.compile(r"book/\d\d-[\w-]+\.html")
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
WEIGHT_KB = 1500  # of a page with its pictures
SHIFT = 0.25  # cumulative layout shift that Lighthouse calls poor; from 0.1, not good
PATIENCE_S = 10.0  # seconds to wait for mathematics, search results, another page
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
# What axe finds in the theme's own parts, which cannot be mended from here. A finding
# is let through only where rule and place both fit.
THEMES_OWN = {
    "label-content-name-mismatch": ".search-button-field, .theme-switch-button",
    "region": ".bd-sidebar-primary .navbar-brand",
}


class BrowserMissingError(RuntimeError):
    """There is no Chromium to look with."""


@dataclass(frozen=True)
class Site:
    """A built site and the repository it was built from."""

    folder: Path
    root: Path
    addresses: Addresses

    @cached_property
    def pages(self) -> dict[str, BeautifulSoup]:
        """The pages by their path in the site, parsed."""
        files = sorted(self.folder.rglob("*.html"))
        names = [file.relative_to(self.folder).as_posix() for file in files]
        return {
            name: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
            for name, file in zip(names, files, strict=True)
            if not name.startswith("_static/")  # templates that the theme leaves there
        }

    @cached_property
    def content(self) -> list[str]:
        """The pages that readers read, without search and the like."""
        return [name for name in self.pages if name not in EXTRA_PAGES]

    @cached_property
    def anchors(self) -> dict[str, set[str]]:
        """The ids in each page."""
        return {
            name: {tag["id"] for tag in page.select("[id]")}
            for name, page in self.pages.items()
        }


def resolve(site: Site, page: str, address: str) -> tuple[str, str] | None:
    """Find the file of the site that an address in a page means.

    Returns
    -------
    tuple or None
        The file's path in the site, and the fragment; None for an address elsewhere.
        A path that leads out of the site begins with ``..``.
    """
    if address.startswith(site.addresses.site):
        address = site.addresses.path + address.removeprefix(site.addresses.site)
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    path = unquote(parts.path)
    if not path:
        target = page
    elif path.startswith(site.addresses.path):
        target = path.removeprefix(site.addresses.path)
    elif path.startswith("/"):
        target = ".." + path
    else:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    if target in ("", ".") or target.endswith("/") or (site.folder / target).is_dir():
        target = posixpath.normpath(f"{target}/index.html").lstrip("/")
    return target, unquote(parts.fragment)


def check_links(site: Site, name: str) -> list[str]:
    """Find links and resources of a page that lead nowhere."""
    problems = []
    for tag in site.pages[name].select("[href], [src]"):
        address = str(tag.get("href") or tag.get("src") or "")
        in_repository = re.match(
            rf"{re.escape(site.addresses.repository)}/(?:blob|edit|raw|tree)/{BRANCH}/"
            r"([^?#]+)",
            address,
        )
        if in_repository:
            if not (site.root / unquote(in_repository[1])).exists():
                problems.append(f"links to a file the repository has not: {address}")
            continue
        found = resolve(site, name, address)
        if found is None:
            continue
        target, fragment = found
        if target.startswith("..") or not (site.folder / target).is_file():
            problems.append(f"broken link: {address}")
        elif target in site.anchors and fragment not in {*site.anchors[target], ""}:
            problems.append(f"link to a missing place: {address}")
    return problems


def check_images(site: Site, name: str) -> list[str]:
    """Find pictures whose alternative text is missing or is a file's name."""
    problems = []
    for image in site.pages[name].select("img, svg[role=img]:not(mjx-container *)"):
        if image.name == "svg":
            continue  # axe looks at these
        source = Path(str(image.get("src", ""))[:80]).name
        alt = image.get("alt")
        if alt is None:
            problems.append(f"picture without alt text: {source}")
        elif not alt.strip() and image.find_parent("article"):
            problems.append(f"picture with an empty alt text: {source}")
        elif re.search(r"\.(png|jpe?g|gif|svg|webp)$|^\S*[/\\]\S*$", alt.strip(), re.I):
            problems.append(f"alt text is the path of a file: {alt}")
    return problems


def check_head(site: Site, name: str) -> list[str]:
    """Find what is missing in a page's title, metadata and icons."""
    page = site.pages[name]
    problems = []
    if not (page.title and page.title.get_text(strip=True)):
        problems.append("no title")
    icon = page.select_one("link[rel~=icon]")
    if icon is None:
        problems.append("no favicon")
    if name in EXTRA_PAGES:
        return problems
    wanted = {
        "description": "name",
        "og:title": "property",
        "og:description": "property",
        "og:type": "property",
        "og:url": "property",
        "og:image": "property",
    }
    found = {}
    for key, kind in wanted.items():
        tags = page.select(f'meta[{kind}="{key}"]')
        found[key] = str(tags[0].get("content", "")).strip() if tags else ""
        if not found[key]:
            problems.append(f"no metadata {key}")
        if len(tags) > 1:
            problems.append(f"metadata {key} stands {len(tags)} times")
    if found["og:url"] and found["og:url"] != site.addresses.site + name:
        problems.append(f"og:url is {found['og:url']}, not {site.addresses.site}{name}")
    if found["og:image"]:
        image = resolve(site, name, found["og:image"])
        if image is None or not (site.folder / image[0]).is_file():
            problems.append(f"og:image is not in the site: {found['og:image']}")
    return problems


def check_notebook(site: Site, name: str) -> list[str]:
    """Find a chapter that cannot be opened in Colab or downloaded as a notebook."""
    page = site.pages[name]
    colab = [str(a["href"]) for a in page.select(f'a[href^="{COLAB}"]')]
    downloads = [str(a["href"]) for a in page.select("a[download][href$='.ipynb']")]
    if not CHAPTER.fullmatch(name):
        others = [address for address in downloads if not resolve(site, name, address)]
        return [f"download from elsewhere: {address}" for address in others]
    notebook = Path(name).with_suffix(".ipynb").as_posix()
    problems = []
    if not (site.root / notebook).is_file():
        problems.append(f"the repository has no {notebook}; run make notebooks")
    if not colab:
        problems.append("no link to Colab")
    elif site.addresses.colab(notebook) not in colab:
        problems.append(f"the link to Colab leads to {colab[0]}")
    if not downloads:
        problems.append("no download of the notebook")
    for address in downloads:
        found = resolve(site, name, address)
        if found is None or found[0] != notebook:
            problems.append(f"the download leads to {address}")
            continue
        built, source = site.folder / notebook, site.root / notebook
        if (
            built.is_file()
            and source.is_file()
            and built.read_bytes() != source.read_bytes()
        ):
            problems.append(f"{notebook} in the site is not the repository's; build it")
    return problems


def check_order(site: Site) -> list[str]:
    """Find pages that "next" does not reach from the first, or "previous" back."""
    following, preceding = {}, {}
    for name in site.content:
        for neighbours, css in ((following, "right-next"), (preceding, "left-prev")):
            link = site.pages[name].select_one(f"a.{css}[href]")
            found = resolve(site, name, str(link["href"])) if link else None
            if found:
                neighbours[name] = found[0]
    problems = []
    page, seen = "index.html", []
    while page in site.pages and page not in seen:
        seen.append(page)
        after = following.get(page)
        if after and preceding.get(after) != page:
            problems.append(f"{after}: previous does not lead back to {page}")
        page = after
    missed = [name for name in site.content if name not in seen]
    problems += [f"{name}: not reached by next from index.html" for name in missed]
    return problems


def check_files(site: Site) -> list[str]:
    """Find what the site as a whole lacks: 404 page, site map, marker for Pages."""
    problems = []
    if not (site.folder / ".nojekyll").is_file():
        problems.append(".nojekyll is missing: GitHub would leave out _static")
    if "404.html" not in site.pages:
        problems.append("404.html is missing")
    else:
        for tag in site.pages["404.html"].select("[href], [src]"):
            address = str(tag.get("href") or tag.get("src") or "")
            if not address.startswith(("/", "#", "http:", "https:", "data:")):
                problems.append(f"404.html: works at one depth only: {address}")
    sitemap = site.folder / "sitemap.xml"
    if not sitemap.is_file():
        return [*problems, "sitemap.xml is missing"]
    listed = {
        (e.text or "").strip() for e in ElementTree.parse(sitemap).findall(".//{*}loc")
    }
    wanted = {site.addresses.site + quote(name) for name in site.content}
    problems += [f"sitemap.xml lacks {address}" for address in sorted(wanted - listed)]
    problems += [
        f"sitemap.xml names {address}, which is no page to read"
        for address in sorted(listed - wanted)
    ]
    return problems


def check_without_browser(site: Site) -> list[str]:
    """Do all checks that read files alone."""
    problems = check_files(site) + check_order(site)
    for name in site.pages:
        for check in (check_links, check_images, check_head, check_notebook):
            problems += [f"{name}: {problem}" for problem in check(site, name)]
    return problems


# --- in the browser -------------------------------------------------------------------


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


STILL = (
    "*, ::before, ::after { animation: none !important; transition: none !important }"
)

UNREADY = """() => document.readyState !== "complete" ||
  [...document.querySelectorAll(".math")].some((e) => !e.querySelector("mjx-container"))
"""

# As Lighthouse measures them. Set up before the page is read.
WATCH = """
window.watched = { shift: 0, largest: 0, blocked: 0 };
const watch = (type, note) => new PerformanceObserver(
  (list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
watch("layout-shift", (e) => { if (!e.hadRecentInput) watched.shift += e.value; });
watch("largest-contentful-paint", (e) => { watched.largest = e.startTime; });
watch("longtask", (e) => { watched.blocked += Math.max(0, e.duration - 50); });
"""
FIGURES = """() => ({
  first_paint_s: performance.getEntriesByName("first-contentful-paint")
    .map((e) => e.startTime / 1000)[0] ?? null,
  largest_paint_s: watched.largest / 1000,
  load_s: performance.getEntriesByType("navigation")[0].loadEventStart / 1000,
  blocked_s: watched.blocked / 1000,
  layout_shift: watched.shift,
  elements: document.querySelectorAll("*").length,
})"""

LAYOUT = r"""() => {
  const problems = [];
  const width = document.documentElement.clientWidth;
  const wide = document.scrollingElement.scrollWidth;
  if (wide > width + 1)
    problems.push(`the page is ${wide} px wide on a screen of ${width} px`);
  const scrolls = (e) => {
    for (; e && e !== document.body; e = e.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(e).overflowX)) return true;
    return false;
  };
  const hidden = "mjx-assistive-mml, .visually-hidden, .sr-only";
  for (const e of document.querySelectorAll("article *")) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > width + 1 && !scrolls(e) && !e.closest(hidden)) {
      const text = e.textContent.trim().slice(0, 50);
      problems.push(`sticks out on the right: <${e.localName}> ${text}`);
      break;
    }
  }
  for (const e of document.querySelectorAll(".math"))
    if (!e.querySelector("mjx-container"))
      problems.push(`formula not rendered: ${e.textContent.slice(0, 60)}`);
  for (const e of document.querySelectorAll("[data-mjx-error]"))
    problems.push(`error in a formula: ${e.getAttribute("data-mjx-error")}`);
  const texts = document.createTreeWalker(
    document.querySelector("article") || document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.parentElement.closest("pre, code, script, style, .math")) continue;
    const raw = text.data.match(/\\[(\[a-z]|\$[^\s$]([^$\n]*[^\s$])?\$|\{[a-z:]+\}`/);
    if (raw) problems.push(`raw markup in the text: ${text.data.trim().slice(0, 60)}`);
  }
  for (const image of document.querySelectorAll("article img"))
    if (image.complete && !image.naturalWidth)
      problems.push(`picture does not load: ${image.src}`);
  return problems;
}"""

# Code is thousands of coloured words, which axe would look at one by one: leave one
# word of each kind, and the others as plain text.
THIN_OUT_CODE = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll("pre span[class]")) {
    if (word.childElementCount) continue;
    const box = word.closest("pre").parentElement.parentElement;
    const kind = `${word.className} in ${box.className}`;
    if (seen.has(kind)) word.replaceWith(...word.childNodes);
    seen.add(kind);
  }
  document.querySelectorAll("pre").forEach((e) => e.normalize());
}"""

AXE = """async ([own, colours]) => {
  const rules = { "label-content-name-mismatch": { enabled: true } };
  const result = await axe.run({
    resultTypes: ["violations"],
    preload: false, // would fetch the style sheets, which files may not
    ...(colours ? { runOnly: ["color-contrast"] } : { rules }),
  });
  const found = [];
  for (const violation of result.violations)
    for (const node of violation.nodes) {
      const e = document.querySelector(node.target[0]);
      if (own[violation.id] && e && e.closest(own[violation.id])) continue;
      found.push(`${violation.id} (${violation.help}): ${node.html.slice(0, 120)}` +
        ` [${node.any.concat(node.all, node.none).map((m) => m.message)[0] || ""}]`);
    }
  return found;
}"""


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


def size_kb(site: Site, name: str) -> tuple[float, float]:
    """Return the kilobytes of a page, and of the pictures in it."""
    pictures = set()
    for image in site.pages[name].select("img[src]"):
        found = resolve(site, name, str(image["src"]))
        if found and (site.folder / found[0]).is_file():
            pictures.add(site.folder / found[0])
    return (
        (site.folder / name).stat().st_size / 1000,
        sum(picture.stat().st_size for picture in pictures) / 1000,
    )


def check_in_browser(site: Site, screenshots: Path | None = None) -> list[str]:
    """Do all checks that need a browser, with a line of progress a page."""
    problems = []
    figures = {}
    head = (
        f"{'kB':>7}{'kB pictures':>13}{'s to paint':>12}{'s to load':>11}{'shift':>8}"
    )
    print(f"{'page':<36}{head}", flush=True)
    with open_browser() as browser:
        for name in site.pages:
            if name == "404.html":  # its links fit the published site alone
                continue
            label = name.removesuffix(".html").replace("/", "-")
            found, seen = check_page(
                browser, (site.folder / name).as_uri(), screenshots, label
            )
            text, pictures = size_kb(site, name)
            if text + pictures > WEIGHT_KB:
                found.append(
                    f"{text + pictures:.0f} kB with its pictures; at most {WEIGHT_KB}"
                )
            problems += [f"{name}: {problem}" for problem in found]
            figures[name] = {"kB": round(text), "kB_pictures": round(pictures), **seen}
            wide = seen["desktop"]
            print(
                f"{name:<36}{text:>7.0f}{pictures:>13.0f}{wide['largest_paint_s']:>12.1f}"
                f"{wide['load_s']:>11.1f}{wide['layout_shift']:>8.3f}",
                flush=True,
            )
        if "search.html" in site.pages:
            problems += check_search(browser, site)
        else:
            problems.append("search.html is missing")
        if "404.html" in site.pages:
            problems += check_not_found(browser, site)
    write_whole(
        site.folder.parent / "site_figures.json", json.dumps(figures, indent=1) + "\n"
    )
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a site; return 1 when something is wrong with it, 2 when it cannot be."""
    parser = argparse.ArgumentParser(
        "python -m tools.check_site",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "site",
        nargs="?",
        type=Path,
        default=ROOT / "_build" / "html",
        help="its folder",
    )
    parser.add_argument(
        "--screenshots",
        type=Path,
        metavar="DIR",
        help="write page_width_theme.png there",
    )
    options = parser.parse_args(arguments)
    site = Site(options.site.resolve(), ROOT, read_addresses())
    if "index.html" not in site.pages:
        print(f"There is no site in {site.folder}; `make book` builds it.")
        return 2
    problems = check_without_browser(site)
    try:
        problems += check_in_browser(site, options.screenshots)
    except BrowserMissingError as error:
        print(error, file=sys.stderr)
        return 2
    if problems:
        print(f"\n{len(problems)} problems:")
        print("\n".join(f"- {problem}" for problem in problems))
        return 1
    print(f"{len(site.pages)} pages, no problem.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
