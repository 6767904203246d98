"""Each check of the site catches what it is there for, on a tiny site."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from tools import check_site
from tools.browser import BrowserMissingError, find_browser, open_browser
from tools.check_site.files import (
    check_files,
    check_head,
    check_images,
    check_links,
    check_notebook,
    check_order,
    check_without_browser,
)
from tools.check_site.page import check_accessibility, check_page
from tools.check_site.reader import check_not_found, check_search
from tools.places import COLAB, Addresses
from tools.site import Site, resolve

HERE = Addresses("https://github.com/someone/book")
ONE, TWO = "book/01-one.html", "book/02-two.html"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4"
    "nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
CHAPTER_LINKS = """
<a href="{colab}">Open in Colab</a>
<a href="{stem}.ipynb" download>Notebook</a>
"""


def html(name: str, body: str, up: str = "", neighbours: str = "") -> str:
    """Write a page in which nothing is wrong."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="What is here.">
<meta property="og:title" content="{name}">
<meta property="og:type" content="website">
<meta property="og:url" content="{HERE.site}{name}">
<meta property="og:description" content="What is here.">
<meta property="og:image" content="{HERE.site}_static/card.svg">
<link rel="icon" href="{up}_static/card.svg">
<link rel="stylesheet" href="{up}_static/book.css">
</head><body><main><article><h1>Pictures of {name}</h1>{body}</article>
{neighbours}</main></body></html>"""


def link(kind: str, address: str) -> str:
    return f'<a class="{kind}" href="{address}">{kind}</a>'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site of three pages in which nothing is wrong."""
    folder, root = tmp_path / "site", tmp_path / "repository"
    files = {
        "_static/card.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "_static/book.css": "body { margin: 0 }",
        ".nojekyll": "",
        "index.html": html(
            "index.html",
            f'<p id="top">See <a href="{ONE}#more">one</a>.</p>',
            neighbours=link("right-next", ONE),
        ),
        "404.html": '<html lang="en"><head><title>Page not found</title>'
        '<link rel="stylesheet" href="/book/_static/book.css">'
        '<link rel="icon" href="/book/_static/card.svg"></head><body><article>'
        '<a href="/book/index.html">contents</a></article></body></html>',
        "search.html": html(
            "search.html",
            """<div id="search-results"><ul class="search"></ul></div><script>
            if (location.search === "?q=pictures")
              document.querySelector("ul").innerHTML =
                '<li><a href="book/01-one.html?highlight=x">one</a></li>';
            </script>""",
        ),
        "sitemap.xml": '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        + "".join(
            f"<url><loc>{HERE.site}{n}</loc></url>" for n in ("index.html", ONE, TWO)
        )
        + "</urlset>",
    }
    for name, before, after in (
        (ONE, "../index.html", "02-two.html"),
        (TWO, "01-one.html", ""),
    ):
        stem = Path(name).stem
        files[name] = html(
            name,
            CHAPTER_LINKS.format(colab=HERE.colab(f"book/{stem}.ipynb"), stem=stem)
            + f'<h2 id="more">More</h2><img src="{PIXEL}" alt="A pixel, black.">',
            up="../",
            neighbours=link("left-prev", before)
            + (link("right-next", after) if after else ""),
        )
        files[f"book/{stem}.ipynb"] = "{}"
        (root / "book").mkdir(parents=True, exist_ok=True)
        (root / "book" / f"{stem}.ipynb").write_text("{}", encoding="utf-8")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Site(folder, root, HERE)


def change(site: Site, name: str, old: str, new: str) -> None:
    """Break a page of the site."""
    path = site.folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def add(site: Site, body: str, name: str = ONE) -> None:
    """Add to the text of a page."""
    change(site, name, "</article>", body + "</article>")


# --- without a browser ----------------------------------------------------------------


def test_a_good_site_has_no_problem(site):
    assert check_without_browser(site) == []


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("", (ONE, "")),
        ("#more", (ONE, "more")),
        ("02-two.html?q=1#a%20b", (TWO, "a b")),
        ("../", ("index.html", "")),
        ("..", ("index.html", "")),
        ("../../x.html", ("../x.html", "")),
        ("/x.html", ("../x.html", "")),
        ("/book/book/02-two.html", (TWO, "")),
        (f"{HERE.site}index.html", ("index.html", "")),
        (HERE.site, ("index.html", "")),
        ("https://example.org/", None),
        ("mailto:a@example.org", None),
    ],
)
def test_resolve(site, address, target):
    assert resolve(site, ONE, address) == target


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="03-three.html">x</a>', "broken link: 03-three.html"),
        ('<a href="../../outside.html">x</a>', "broken link: ../../outside.html"),
        ('<a href="02-two.html#none">x</a>', "missing place: 02-two.html#none"),
        ('<a href="#none">x</a>', "missing place: #none"),
        ('<img src="none.png" alt="A picture.">', "broken link: none.png"),
        (f'<a href="{HERE.site}none.html">x</a>', f"broken link: {HERE.site}none"),
        (
            f'<a href="{HERE.repository}/blob/main/none.py">x</a>',
            "links to a file the repository has not",
        ),
    ],
)
def test_broken_links_are_found(site, body, problem):
    add(site, body)
    (found,) = check_links(site, ONE)
    assert problem in found


def test_links_into_the_repository_are_followed(site):
    add(site, f'<a href="{HERE.repository}/edit/main/book/01-one.ipynb?x=1">x</a>')
    assert check_links(site, ONE) == []


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        ('<img src="a.png">', "without alt text: a.png"),
        ('<img src="a.png" alt=" ">', "empty alt text: a.png"),
        ('<img src="a.png" alt="../_images/0d1f.png">', "path of a file"),
        ('<img src="a.png" alt="figure.PNG">', "path of a file"),
    ],
)
def test_pictures_without_words_are_found(site, image, problem):
    add(site, image)
    (found,) = check_images(site, ONE)
    assert problem in found


def test_ornaments_outside_the_text_need_no_words(site):
    change(site, ONE, "</main>", '<img src="logo.svg" alt=""></main>')
    assert check_images(site, ONE) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (f"<title>{ONE}</title>", "<title> </title>", "no title"),
        ('rel="icon"', 'rel="x"', "no favicon"),
        ('name="description"', 'name="x"', "no metadata description"),
        ('property="og:title"', 'property="x"', "no metadata og:title"),
        ('property="og:image"', 'property="x"', "no metadata og:image"),
        (
            '<meta property="og:type" content="website">',
            '<meta property="og:type" content="website">' * 2,
            "metadata og:type stands 2 times",
        ),
        ("card.svg", "none.svg", "og:image is not in the site"),
        (f'{HERE.site}{ONE}"', f'{HERE.site}{TWO}"', "og:url is"),
    ],
)
def test_missing_metadata_is_found(site, old, new, problem):
    change(site, ONE, old, new)
    (found,) = check_head(site, ONE)
    assert problem in found


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (COLAB, "https://example.org", "no link to Colab"),
        ("/blob/main/book/01-one", "/blob/main/book/02-two", "link to Colab leads to"),
        (" download", "", "no download"),
        ('href="01-one.ipynb"', 'href="02-two.ipynb"', "download leads to"),
    ],
)
def test_missing_notebooks_are_found(site, old, new, problem):
    change(site, ONE, old, new)
    (found,) = check_notebook(site, ONE)
    assert problem in found


def test_a_notebook_that_is_not_in_the_repository_is_found(site):
    (site.root / "book" / "01-one.ipynb").unlink()
    (found,) = check_notebook(site, ONE)
    assert "make notebooks" in found


def test_an_old_notebook_in_the_site_is_found(site):
    (site.folder / "book" / "01-one.ipynb").write_text("[]", encoding="utf-8")
    (found,) = check_notebook(site, ONE)
    assert "is not the repository's" in found


def test_pages_that_next_does_not_reach_are_found(site):
    change(site, ONE, "right-next", "x")
    assert check_order(site) == [f"{TWO}: not reached by next from index.html"]


def test_previous_must_lead_back(site):
    change(site, TWO, 'left-prev" href="01-one.html', 'left-prev" href="../index.html')
    assert check_order(site) == [f"{TWO}: previous does not lead back to {ONE}"]


@pytest.mark.parametrize("name", [".nojekyll", "404.html", "sitemap.xml"])
def test_missing_files_are_found(site, name):
    (site.folder / name).unlink()
    (found,) = check_files(site)
    assert f"{name} is missing" in found


def test_a_404_page_for_one_depth_is_found(site):
    change(site, "404.html", "/book/_static/book.css", "_static/book.css")
    assert check_files(site) == ["404.html: works at one depth only: _static/book.css"]


def test_the_sitemap_names_the_pages_and_no_other(site):
    change(site, "sitemap.xml", TWO, "search.html")
    lacks, other = check_files(site)
    assert f"lacks {HERE.site}{TWO}" in lacks
    assert f"names {HERE.site}search.html" in other


def test_a_named_browser_that_is_not_there(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(BrowserMissingError, match="no-such-browser"):
        find_browser()


def test_a_browser_that_does_not_start(monkeypatch):
    pytest.importorskip("playwright")
    monkeypatch.setenv("CHROMIUM", "false")

    def start():
        with open_browser():
            pass

    # Playwright takes one browser a thread, and the other tests may have theirs here.
    with (
        ThreadPoolExecutor() as apart,
        pytest.raises(BrowserMissingError, match="does not start"),
    ):
        apart.submit(start).result()


def test_no_site_is_a_plain_message(tmp_path, capsys):
    assert check_site.main([str(tmp_path)]) == 2
    assert "make book" in capsys.readouterr().out


# --- in the browser -------------------------------------------------------------------


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Wait for what comes as long as a busy machine may take."""
    for module in (check_site.page, check_site.reader):
        monkeypatch.setattr(module, "PATIENCE_S", 120)


@pytest.fixture(scope="module")
def browser():
    """Return a browser, or skip the tests that need one."""
    try:
        with open_browser() as opened:
            yield opened
    except BrowserMissingError as error:
        pytest.skip(f"no browser to look with: {error}")


def look(browser, site: Site, name: str = ONE) -> list[str]:
    return check_page(browser, (site.folder / name).as_uri())[0]


def test_a_good_page_has_no_problem(browser, site, tmp_path):
    problems, figures = check_page(
        browser, (site.folder / ONE).as_uri(), tmp_path / "shots", "one"
    )
    assert problems == []
    assert figures.keys() == {"desktop", "phone"}
    for seen in figures.values():
        assert 0 < seen["first_paint_s"] <= seen["largest_paint_s"] < 30
        assert 0 < seen["load_s"] < 30 and seen["layout_shift"] < 0.01
        assert seen["elements"] > 10 and seen["blocked_s"] >= 0
    assert {path.name for path in (tmp_path / "shots").iterdir()} == {
        f"one_{width}_{theme}.png"
        for width in (1280, 390)
        for theme in ("light", "dark")
    }


# One page has them all, because opening pages takes time.
FAULTS = {
    "<script>nothing.here()</script>": "JavaScript error: nothing is not",
    "<script>console.error('broken')</script>": "error on the console: broken",
    '<script src="none.js"></script>': "failed to load: file://",
    '<script src="https://example.invalid/x.js"></script>': (
        "asks for something from outside: https://example.invalid/x.js"
    ),
    '<p style="color: #999">faint</p>': "color-contrast",
    '<details><summary>x</summary><i style="color: #998">pale</i></details>': "#999988",
    '<p style="width: 600px">wide</p>': "px wide on a screen of 390 px (phone)",
    '<span class="math">\\(x\\)</span>': "formula not rendered: \\(x\\) (desktop, ph",
    "<p>Let $x$ be</p>": "raw markup in the text: Let $x$ be",
    "<p>Let \\(x\\) be</p>": "raw markup in the text: Let \\(x",
    "<p>1 - \\epsilon$ is cut</p>": "raw markup in the text: 1 - \\epsilon",
    "<p>see {ref}`x`</p>": "raw markup in the text: see",
    '<p class="math"><mjx-container data-mjx-error="Bad"></mjx-container></p>': (
        "error in a formula: Bad"
    ),
    '<img src="none.png" alt="A picture.">': "picture does not load",
    "<style>[data-theme=dark] h2 { color: #eee }</style>": "(desktop dark, phone dark)",
    '<button class="ours" aria-label="Other">Words</button>': "label-content-name",
}


def test_what_only_a_browser_sees_is_found(browser, site, monkeypatch):
    # Do not wait long for mathematics that never comes.
    monkeypatch.setattr(check_site.page, "PATIENCE_S", 0.2)
    add(site, "".join(FAULTS))
    found = look(browser, site)
    text = "\n".join(found)
    assert [problem for problem in FAULTS.values() if problem not in text] == []


def test_what_sticks_out_unseen_is_found(browser, site):
    add(
        site,
        '<div style="overflow: hidden"><p style="width: 600px">wide</p></div>',
    )
    assert look(browser, site) == ["sticks out on the right: <p> wide (phone)"]


def test_what_is_right_is_let_through(browser, site):
    add(
        site,
        '<div style="overflow-x: auto" tabindex="0"><p style="width: 600px">x</p></div>'
        "<p>It costs $5 and $6.</p><p><code>$x$</code></p>"
        # a fault of the theme's own, which only it may have
        '<button class="theme-switch-button" aria-label="Other"><i>Words</i></button>',
    )
    assert look(browser, site) == []


def test_accessibility_of_colours_only(browser, site):
    add(site, '<p style="color: #999">faint</p><button></button>')
    page = browser.new_page()
    page.goto((site.folder / ONE).as_uri())
    (found,) = check_accessibility(page, colours_only=True)
    assert "color-contrast" in found
    assert any("button-name" in found for found in check_accessibility(page))
    page.close()


def test_faint_code_is_found_once(browser, site):
    """Of many words of one kind one is looked at."""
    word = '<span class="c" style="color: #999">faint words</span>\n'
    code = f'<div class="code"><div><pre>{word * 50}</pre></div></div>'
    add(
        site,
        code + '<div><div><pre><span class="c">dark words</span></pre></div></div>',
    )
    (found,) = look(browser, site)
    assert "color-contrast" in found


def test_text_that_moves_while_the_page_loads(browser, site):
    # It moves once it is to be seen, and is ready once that has been drawn.
    late = """
    const later = (act) => requestAnimationFrame(() => requestAnimationFrame(act));
    const find = (name) => document.querySelector(name);
    const move = () => {
      find("#late").style.height = "600px";
      later(() => find(".math").append(document.createElement("mjx-container")));
    };
    new PerformanceObserver(() => later(move)).observe(
      { type: "paint", buffered: true });
    """
    words = "<p>words</p>" * 20 + '<p class="math"></p>'
    add(site, f'<div id="late"></div>{words}<script>{late}</script>')
    assert any("layout shift 0." in problem for problem in look(browser, site))


def test_search(browser, site, monkeypatch):
    assert check_search(browser, site) == []
    monkeypatch.setattr(check_site.reader, "PATIENCE_S", 0.5)  # for what never comes
    change(site, "search.html", "?q=pictures", "?q=none")
    assert check_search(browser, site) == [
        f"search.html: searching for 'pictures' does not find {ONE}"
    ]


def test_the_404_page_in_the_published_site(browser, site, monkeypatch):
    assert check_not_found(browser, site) == []
    monkeypatch.setattr(check_site.reader, "PATIENCE_S", 0.5)  # for what never comes
    (site.folder / "_static" / "book.css").rename(site.folder / "_static" / "x.css")
    problems = check_not_found(browser, site)
    assert f"404.html: {HERE.site}_static/book.css is missing" in problems
    change(site, "404.html", "/book/index.html", "/other/index.html")
    assert any("Timeout" in problem for problem in check_not_found(browser, site))


def test_the_command(browser, site, monkeypatch, capsys):
    problems = []
    monkeypatch.setattr(check_site, "ROOT", site.root)
    monkeypatch.setattr(check_site, "read_addresses", lambda: HERE)
    monkeypatch.setattr(check_site, "open_browser", lambda: nullcontext(browser))
    seen = {"largest_paint_s": 0.5, "load_s": 0.6, "layout_shift": 0.001}
    monkeypatch.setattr(
        check_site, "check_page", lambda *_: (list(problems), {"desktop": seen})
    )
    assert check_site.main([str(site.folder)]) == 0
    figures = json.loads((site.folder.parent / "site_figures.json").read_text())
    assert figures[ONE]["desktop"] == seen and figures[ONE]["kB"] == 1
    assert "5 pages, no problem." in capsys.readouterr().out
    problems.append("is crooked")
    assert check_site.main([str(site.folder)]) == 1
    assert f"- {ONE}: is crooked" in capsys.readouterr().out
    problems.clear()
    add(site, f"<p>{'long ' * 300_000}</p>")
    assert check_site.main([str(site.folder)]) == 1
    assert (
        f"- {ONE}: 1501 kB with its pictures; at most 1500" in capsys.readouterr().out
    )
