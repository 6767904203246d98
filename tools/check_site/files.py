"""What can be seen without a browser: links, texts of pictures, metadata, buttons."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from tools.places import BRANCH, COLAB
from tools.site import CHAPTER, EXTRA_PAGES, Site, resolve


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
