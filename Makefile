PYTHON := .venv/bin/python

.PHONY: run test lint bench soak docs setup-run setup-test

run: setup-run ; @exec $(PYTHON) -m lab.demo
test: setup-test ; @PATH="$(CURDIR)/.venv/bin:$$PATH" dev/test
lint: setup-test ; @PATH="$(CURDIR)/.venv/bin:$$PATH" dev/lint
bench: setup-test ; @$(PYTHON) -m bench
docs: setup-test ; @$(PYTHON) dev/reference.py >docs/configuration.md
soak: setup-test ; @SOAK=1 PATH="$(CURDIR)/.venv/bin:$$PATH" dev/test

setup-run: ; @dev/setup run
setup-test: ; @dev/setup test
