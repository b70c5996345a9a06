# Two words do everything: `make run` opens CVStudio on a sample project, `make test` runs every check.
# On Windows (and for people who have uv): `uv run cvstudio demo` and `uv run packaging/check.py`.

.PHONY: setup run test quick bundle screenshots clean

PYTHON := .venv/bin/python

setup:
	@sh packaging/setup.sh

run: setup
	@$(PYTHON) -m cvstudio demo

test: setup
	@$(PYTHON) packaging/check.py

quick: setup
	@$(PYTHON) packaging/check.py --quick

bundle: setup
	@$(PYTHON) packaging/bundle.py

screenshots: setup
	@test -n "$(PROJECT)" || { echo "Say of which project: make screenshots PROJECT=FOLDER"; exit 1; }
	@$(PYTHON) docs/take_screenshots.py "$(PROJECT)"

clean:
	rm -rf .venv .uv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
