"""A book of two chapters with one of everything that a chapter may use.

And what else the tests of the book's tools share.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.places import ROOT


def question(number: int, right: str) -> str:
    """Return a quick question of three options, in the form that the checks want."""
    wrong = [letter for letter in "ABC" if letter != right]
    return f"""\
**Quick question {number}.** What is it?

- **A.** One.
- **B.** Two.
- **C.** Three.

:::{{dropdown}} Answer to quick question {number}
**{right}.** So it is.

- **{wrong[0]}** is too small.
- **{wrong[1]}** is too large.
:::
"""


FIRST = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# The first chapter

How does a picture become a name? {cite:t}`lecun1998gradient` asked that.

**You will learn**

- to look at a {term}`pixel`,
- to count {term}`feature maps <feature map>`,
- to add two numbers.

**You need** nothing but Python.

**Time:** about 5 minutes.

```{code-cell} ipython3
from imgcls_helpers import results, runtime
from imgcls_helpers.checks import check
import matplotlib.pyplot as plt
```

(sec-question)=
(sec-line)=
## The question

Look at {numref}`fig-line` and at {numref}`picture %s <fig-drawn>`. The next chapter,
[images](02-second.md), has {numref}`fig-other`. By {eq}`eq-sum`, a sum is
a sum {cite:p}`lecun1998gradient,he2016deep`. See {ref}`the
question <sec-question>` and `{term}` in code, ``{eq}`x` ``, and $x_{1}$.

% a remark for authors
```{math}
:label: eq-sum
a + b = c \\\\
d = e
```

```{code-cell} ipython3
---
mystnb:
  image: {alt: "A straight line that rises from left to right."}
  figure:
    caption: A line, as *Euclid* and {cite:t}`he2016deep` drew it.
    name: fig-line
---
plt.plot([1, 2])
plt.show()
results.finding("line", "It rises.")
```

```{figure} images/drawn.png
:alt: Two grey squares beside each other.
:name: fig-drawn

Two squares, see {eq}`eq-sum`. Drawing: this book.
```

:::{note}
A note with {term}`pixels <pixel>`.

- one
- two
:::

::::{dropdown} More about `x` & $y$
Here is more.

:::{tip}
:class: dropdown
Nested.
:::
::::

| term | formula |
| --- | --- |
| {term}`pixel` | `a \\| b` |
| a [link](02-second.md), {ref}`there <sec-second>` | $x$ |

$$
x = 1
$$

QUESTIONS
## What goes wrong

Nothing at all.

## Exercises

### Exercise 1.1: add

Add.

```{code-cell} ipython3
answer = ...
check("1.1", answer)
```

```{code-cell} ipython3
:tags: [solution, hide-cell]
answer = 1 + 1
```

```{code-cell} ipython3
:tags: [solution, hide-cell]


def twice(x):
    return 2 * x


check("1.1", answer)
```

### Exercise 1.2: add again

Add.

```{code-cell} ipython3
answer = ...
check("1.2", answer)
```

```{code-cell} ipython3
:tags: [solution, hide-cell]
answer = 3
```

### Exercise 1.3: add once more

Add.

```{code-cell} ipython3
answer = ...
check("1.3", answer)
```

```{code-cell} ipython3
:tags: [solution, hide-cell]
answer = 4
```

## Summary

A picture is numbers.

## Further reading

{cite:t}`lecun1998gradient`.

```{code-cell} ipython3
runtime.report()
```
""".replace(
    "QUESTIONS", "\n".join([question(1, "B"), question(2, "A"), question(3, "C")])
)

SECOND = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# The second chapter

(sec-second)=
## Other things

```{code-cell} ipython3
---
mystnb:
  image: {alt: "A straight line that falls from left to right."}
  figure: {caption: Another line., name: fig-other}
---
1 + 1
```
"""

GLOSSARY = """\
# Glossary

```{glossary}
pixel
picture element
  像素. One point of an image.

feature map
  特征图. An image of where a {term}`pixel` pattern was found.

CNN
  A network.
```
"""

REFERENCES = r"""
@article{lecun1998gradient,
  author = {LeCun, Yann and Bottou, L{\'e}on and Bengio, Yoshua},
  title = {Gradient-based learning applied to document recognition},
  journal = {Proceedings of the IEEE}, year = {1998}, doi = {10.1109/5.726791}
}
@inproceedings{he2016deep,
  author = {He, Kaiming and Zhang, Xiangyu},
  title = {Deep Residual Learning for Image Recognition},
  booktitle = {CVPR}, year = {2016}, eprint = {1512.03385}
}
"""

TOC = """\
format: jb-book
root: index
parts:
  - caption: One
    numbered: 1
    chapters:
      - file: book/01-first
  - caption: Two
    numbered: 1
    chapters:
      - file: book/02-second
  - caption: Reference
    chapters:
      - file: book/glossary
"""


def write_book(root: Path, first: str = FIRST, second: str = SECOND) -> Path:
    """Write the book into a folder, with other text for its chapters if wanted."""
    files = {
        "pyproject.toml": (
            '[project.urls]\nRepository = "https://github.com/someone/some-book"\n'
        ),
        "_config.yml": "title: A tiny book\n",
        "_toc.yml": TOC,
        "index.md": "# A tiny book\n\nHow a CNN sees.\n",
        "book/01-first.md": first,
        "book/02-second.md": second,
        "book/glossary.md": GLOSSARY,
        "book/references.bib": REFERENCES,
        "book/images/drawn.png": "",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def tracked_files() -> list[Path]:
    """Return the files of the repository; without git, those of its known folders."""
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        paths = [ROOT / name for name in run.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        folders = ("book", "tools", "tests", "imgcls_helpers", ".github")
        paths = [*ROOT.glob("*"), *(p for f in folders for p in ROOT.glob(f"{f}/**/*"))]
    return [path for path in paths if path.is_file()]
