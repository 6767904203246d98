"""The bibliography: works can be found; those often cited wrongly are right."""

import re

import pytest
from pybtex.database import parse_file

from tools.places import ROOT

WORKS = parse_file(str(ROOT / "book" / "references.bib")).entries
# Works without DOI and without a preprint on arXiv; each has an address that lasts.
NEITHER = {
    # books, reports, slides, posts
    *("goodfellow2016deep", "krizhevsky2009learning", "yang2016classification"),
    *("itu2011studio", "hinton2012neural", "page2019how", "godbole2023tuning"),
    "lecun1998mnist",
    # proceedings and journals that give no DOI
    *("krizhevsky2012imagenet", "buolamwini2018gender", "cawley2010over"),
    *("chellapilla2006high", "nair2010rectified", "glorot2010understanding"),
    *("nesterov1983method", "sutskever2013importance", "duchi2011adaptive"),
    *("boureau2010theoretical", "kohavi1995study", "bengio2004no"),
    *("bergstra2012random", "rahimi2007random", "domingos2000unified"),
    *("srivastava2014dropout", "baldi2013understanding", "coates2011analysis"),
}
# What a common tutorial's list has wrong: key, where, year, pages, authors, title.
OFTEN_WRONG = [
    (
        *("simonyan2015very", "International Conference on Learning Rep", 2015, None),
        *("Simonyan Zisserman", "Very Deep Convolutional Networks for Large-Scale"),
    ),
    (
        *("redmon2016you", "Computer Vision and Pattern Recognition", 2016, "779--788"),
        *("Redmon Divvala Girshick Farhadi", "You Only Look Once: Unified, Real-Time"),
    ),
    (
        *("ulyanov2016instance", "arXiv:1607.08022", 2016, None),
        *("Ulyanov Vedaldi Lempitsky", "Instance Normalization: The Missing"),
    ),
    (
        *("huang2017densely", "Computer Vision and Pattern", 2017, "4700--4708"),
        *("Huang Liu Maaten Weinberger", "Densely Connected Convolutional Networks"),
    ),
    (
        *("dong2014learning", "European Conference on Comput", 2014, "184--199"),
        *("Dong Loy He Tang", "Learning a Deep Convolutional Network for Image Super"),
    ),
    (
        *("ren2015faster", "Neural Information Processing Systems", 2015, "91--99"),
        *("Ren He Girshick Sun", "Faster R-CNN: Towards Real-Time Object Detection"),
    ),
    (
        *("lin2014network", "International Conference on Learning Rep", 2014, None),
        *("Lin Chen Yan", "Network In Network"),
    ),
    (
        *("szegedy2016rethinking", "Computer Vision and Pat", 2016, "2818--2826"),
        *("Szegedy Vanhoucke Ioffe Shlens Wojna", "Rethinking the Inception Arch"),
    ),
    (
        *("zhou2016learning", "Computer Vision and Pattern", 2016, "2921--2929"),
        *("Zhou Khosla Lapedriza Oliva Torralba", "Learning Deep Features for Disc"),
    ),
    (
        *("he2016identity", "European Conference on Computer", 2016, "630--645"),
        *("He Zhang Ren Sun", "Identity Mappings in Deep Residual Networks"),
    ),
]
# Open-access copies are paged otherwise than the edition that the DOI names.
PAGES = {
    "yun2019cutmix": "6022--6031",
    "lin2017focal": "2999--3007",
    "parmar2022aliased": "11400--11410",
    "chollet2017xception": "1800--1807",
}


@pytest.mark.parametrize("key", WORKS)
def test_a_work_can_be_found(key):
    fields = WORKS[key].fields
    assert fields.get("title") and re.fullmatch(r"\d{4}", fields.get("year", ""))
    assert WORKS[key].persons.get("author"), "no author"
    if doi := fields.get("doi"):
        assert re.fullmatch(r"10\.\d{4,5}/\S+", doi)
    address = fields.get("url", "")
    if eprint := fields.get("eprint"):
        assert fields.get("archiveprefix") == "arXiv"
        address = f"https://arxiv.org/abs/{eprint}"
    if "arxiv.org" in address:
        assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}", address)
    assert address.startswith("https://") or (doi and not address)
    neither = not doi and "arxiv.org" not in address
    assert neither == (key in NEITHER), "add its DOI or arXiv number, or to NEITHER"


@pytest.mark.parametrize(
    ("key", "where", "year", "pages", "authors", "title"),
    OFTEN_WRONG,
    ids=[work[0] for work in OFTEN_WRONG],
)
def test_a_work_that_is_often_cited_wrongly(key, where, year, pages, authors, title):
    work = WORKS[key]
    said = " ".join(work.fields.get(f, "") for f in ("booktitle", "journal", "note"))
    assert where in said
    assert work.fields["year"] == str(year)
    assert work.fields.get("pages") == pages
    names = [person.last_names[-1] for person in work.persons["author"]]
    assert names == authors.split()
    assert re.sub("[{}]", "", work.fields["title"]).startswith(title)


@pytest.mark.parametrize(("key", "pages"), PAGES.items())
def test_pages_are_those_of_the_edition_that_the_doi_names(key, pages):
    assert WORKS[key].fields["doi"] and WORKS[key].fields["pages"] == pages


def test_a_volume_of_a_journal_is_not_cited_as_a_book_of_its_own():
    smith = WORKS["smith1978color"]
    assert smith.type == "article" and smith.fields["journal"] == "Computer Graphics"
    assert (smith.fields["volume"], smith.fields["number"]) == ("12", "3")


def test_they_are_cited_so_that_the_bibliography_lists_them():
    text = (ROOT / "book" / "myths-and-mistakes.md").read_text(encoding="utf-8")
    assert {work[0] for work in OFTEN_WRONG} <= set(
        re.findall(r"\{cite:p\}`(\w+)`", text)
    )


def test_no_work_stands_twice():
    for what in (("title", "year"), ("doi",), ("url",), ("eprint",)):
        found = [
            tuple(re.sub(r"[{}]", "", work.fields[field]).lower() for field in what)
            for work in WORKS.values()
            if what[0] in work.fields
        ]
        assert not {value for value in found if found.count(value) > 1}
