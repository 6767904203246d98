# `make help` lists what there is. Everything sets itself up first.
PYTHON ?= python3
# The name of a program may hold spaces; a command may too: PYTHON="py -3.12".
space := $() $()
ifneq ($(wildcard $(subst $(space),\ ,$(PYTHON))),)
override PYTHON := "$(PYTHON)"
endif
# What a user keeps for other programs must not come between the checkout and its code.
unexport PYTHONPATH PYTHONHOME
# Text is read and written alike in every locale, and on Windows.
export PYTHONUTF8 := 1
ifeq ($(OS),Windows_NT)
RUN := .venv/Scripts/python
else
RUN := .venv/bin/python
endif
PORT ?= 8000
# make book BACKEND=jax installs JAX beside TensorFlow and uses it; torch likewise.
ifdef BACKEND
export KERAS_BACKEND := $(BACKEND)
endif

.PHONY: help setup book pdf test test-backends test-oldest test-newest notebooks \
  robustness coursework check-site run-notebooks lint lock address serve clean
.DEFAULT_GOAL := help

help:  ## List the targets
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):[^#]*##/  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

setup:  ## Make the environment in .venv, if it is not there
	@$(PYTHON) tools/setup_env.py $(BACKEND)

book: setup  ## Run the chapters and build the site: _build/html/index.html
	@$(RUN) -m tools.build

pdf: setup  ## Make the book, and print it as a PDF beside the site (needs Chromium)
	@$(RUN) -m tools.build --pdf

test: setup  ## Run every test, in the order of SEED where it is given
	@$(RUN) -m tools.processes -m pytest -n auto $(if $(SEED),--randomly-seed=$(SEED))

test-backends: setup  ## Run package tests and chapters with each of the three backends
	@$(RUN) -m tools.matrix backends $(CHAPTERS)

test-oldest: setup  ## Run the package's tests with the oldest versions it allows
	@$(RUN) -m tools.matrix oldest

test-newest: setup  ## Run the package's tests with the newest versions there are
	@$(RUN) -m tools.matrix newest

notebooks: setup  ## Write the notebook beside each chapter
	@$(RUN) -m tools.notebooks

robustness: setup  ## Run the hostile conditions and write their page
	@$(RUN) -m tests.hostile.write_page

coursework: setup  ## Make assignments and their autograders: _build/coursework
	@$(RUN) -m tools.coursework $(if $(SEED),--seed $(SEED))

check-site: setup  ## Look at the built site in a headless browser
	@$(RUN) -m tools.check_site

run-notebooks: notebooks  ## Run the notebooks in the Python named by PYTHON, as Colab would
	@address=$$(sed -n 's/^Repository = "\(.*\)"/\1/p' pyproject.toml); \
	GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$(CURDIR).insteadOf" \
	GIT_CONFIG_VALUE_0="$$address" PYTHONPATH="$(PYTHONPATH)" $(PYTHON) -m nbconvert --execute \
	  --to notebook --output-dir _build/notebooks book/*.ipynb

lint: setup  ## Check the style and the types of the Python code
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

lock: setup  ## Renew requirements.txt from pyproject.toml
	@$(RUN) -m uv pip compile pyproject.toml --upgrade --universal --quiet \
	  --python-version 3.11 --fork-strategy fewest --no-emit-index-url \
	  --extra book --extra tests --extra site --extra coursework --extra tensorflow \
	  --custom-compile-command "make lock" --output-file requirements.txt

address: setup  ## Point the book at a fork: make address TO=github.com/you/your-fork
	@$(RUN) -m tools.address $(TO)

serve: book  ## Build, then show the site at http://localhost:8000 (PORT=...)
	@$(RUN) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

clean:  ## Remove what was built; the environment stays
	@$(PYTHON) -c "import shutil; shutil.rmtree('_build', ignore_errors=True)"
