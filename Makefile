# Each target does its own set-up in .venv.
PYTHON ?= python3
BIN := .venv/bin
DEMO := output/demo
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo test test-fast browser gpu lint clean
.DELETE_ON_ERROR:

demo: .venv/installed
	$(BIN)/python data/make_demo.py --out data/demo
	$(BIN)/python train_first_stage.py --config configs/demo.yaml --out $(DEMO)/first --resume
	$(BIN)/python train_second_stage.py --config configs/demo.yaml --load $(DEMO)/first/checkpoint \
		--out $(DEMO)/second --resume
	$(BIN)/python inference.py --config configs/demo.yaml --load $(DEMO)/second/checkpoint \
		--out $(DEMO)/frames
	$(BIN)/python gen_vid.py --img_path $(DEMO)/frames --prefix_a b_ --prefix_b refined_ba_ \
		--prefix_c a_ --prefix_d refined_ab_ --end_a 64 --same_length --resize --w 192 --h 192 \
		--fps 12 --out $(DEMO) --name demo.mp4
	mv $(DEMO)/12_demo.mp4 output/demo.mp4
	$(BIN)/python evaluate.py --config configs/demo.yaml --load $(DEMO)/second/checkpoint \
		--truth data/demo/truth --out $(DEMO)/evaluation --report
	cp $(DEMO)/evaluation/report.html output/demo.html
	cp $(DEMO)/evaluation/examples.png output/demo.png
	@echo "look at output/demo.mp4, output/demo.png and output/demo.html"

# Two tests at a time, each of one thread (tests/conftest.py). The C library keeps large blocks of
# memory that were freed: handing each one back to the system is a fifth of the tests' time.
PYTEST := MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 \
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

test: .venv/installed-dev
	$(PYTEST)

# What one runs while working.
test-fast: .venv/installed-dev
	$(PYTEST) -m "not slow"

# For the tests of pages, which are skipped without it.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
		{ $(SUDO) apt-get update -q && \
		$(SUDO) apt-get install -yq --no-install-recommends chromium chromium-driver; }

# By the interpreter that is there, with what it has: machines with GPUs bring their own PyTorch.
gpu:
	$(or $(wildcard $(BIN)/python),$(PYTHON)) benchmarks/gpu.py

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf .venv output data/demo

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/installed-dev: requirements-dev.txt requirements-editor.txt requirements-many.txt .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
