# `make demo` and `make test` install all that they need in .venv; a second run starts at once.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SOURCES := setup.py pyproject.toml convlab/_geometry.py convlab/_registry.py $(wildcard src/*/*)
SAY := @printf '\n==> %s\n'

.PHONY: demo test test-slow test-fallback conformance stress fuzz hashes sanitize lint format bench sweep wheels cpus matrix cross platforms clean help

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

demo: $(VENV)/.built ## run the lesson: filter and pool a picture, draw it, time it
	$(SAY) "The lesson: build/demo/convlab-demo.png"
	@mkdir -p build/demo
	$(BIN)/convlab demo --out build/demo

test: $(VENV)/.test ## run the test suite on compiled kernels, except the files that take minutes
	$(SAY) "The tests, on compiled kernels"
	$(BIN)/pytest --kernels=compiled --numprocesses=auto -m "not slow"

test-slow: $(VENV)/.test ## run the other tests: memory, guard pages, Ctrl-C, builds, SciPy's tests, broken kernels
	$(SAY) "The slow tests, on compiled kernels"
	$(BIN)/pytest --kernels=compiled --numprocesses=auto -m slow

# Outside the source tree, whose package has compiled kernels.
FALLBACK := build/fallback
FALLBACK_TESTS := box cli conv2d conv_axes data dispatch docs errors explain filter2d filter2d_arrays filter_bank filter_fft \
    filter_masked filter_parameters filters imaging ndimage ndimage_calls onnx onnx_command onnx_models \
    onnx_networks pool2d pool_options ranking ranking_calls reference separable signal threads threads_fork \
    threads_signals translation
test-fallback: $(VENV)-fallback/.test ## run the operations' tests on a build without compiled kernels
	$(SAY) "The operations' tests, without compiled kernels"
	@rm -rf $(FALLBACK) && mkdir -p $(FALLBACK) && cp -r tests pyproject.toml $(FALLBACK)
	cd $(FALLBACK) && ../../$(VENV)-fallback/bin/pytest --kernels=fallback --numprocesses=auto \
	    $(foreach name,$(FALLBACK_TESTS),$(wildcard tests/*/test_$(name).py))

conformance: $(VENV)/.conformance ## compare with other libraries on their samples (installs PyTorch, ONNX Runtime, OpenCV, scikit-image)
	$(SAY) "Other libraries' samples"
	$(BIN)/pytest --kernels=compiled tests/conformance

stress: $(VENV)/.test ## call everything from eight threads for a minute; 100,000 calls that must not make a process grow
	$(SAY) "A minute of eight threads, and 100,000 calls"
	CONVLAB_STRESS_SECONDS=60 CONVLAB_STRESS_CALLS=100000 $(BIN)/pytest --kernels=compiled -s \
	    tests/common/test_stress.py tests/common/test_growth.py

fuzz: $(VENV)/.test ## compare 100,000 random calls with the right answers (a quarter of an hour)
	$(SAY) "100,000 random calls"
	PYTHONPATH=tests $(BIN)/python tests/fuzz.py --cases 100000

hashes: $(VENV)/.test ## write the corpus of hashes again, after an intended change of results
	PYTHONPATH=tests $(BIN)/python tests/hashes.py

# The sanitizers are GCC's; valgrind is a package of the system.
SANITIZERS := address thread valgrind
sanitize: $(VENV)/.test ## run tests under AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer, valgrind
	$(SAY) "Sanitizers: separate builds in build/sanitize"
	$(BIN)/python tests/sanitizers/run.py $(SANITIZERS)

lint: $(VENV)/.lint ## check style, types and Cython sources
	$(SAY) "Style, types, Cython sources"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing/results.py
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint src  # it calls pycodestyle by name

format: $(VENV)/.lint ## format the sources
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench ## compare with OpenCV, NumPy, SciPy, PyTorch, ONNX Runtime (installs them)
	$(SAY) "Benchmarks, one thread, interleaved"
	$(BIN)/python -m benchmarks.compare --threads 1 --json build/bench.json

sweep: $(VENV)/.bench ## look for calls that take too much time or memory for their size (half an hour; installs the peers)
	$(SAY) "Growth, random calls against the peers, memory"
	$(BIN)/python -m benchmarks.sweep

wheels: $(VENV)/.wheels ## build the sdist and the wheels in containers, test each (as root: podman, an hour)
	$(BIN)/python tools/wheels.py

cpus: $(VENV)/.wheels ## run the wheels on emulated processors, after `make wheels`
	$(BIN)/python tools/cpus.py

matrix: $(VENV)/.wheels ## test the wheel with every CPython here, with the oldest NumPy and the newest, after `make wheels`
	$(BIN)/python tools/matrix.py

cross: $(VENV)/.wheels ## compile and link the kernels for macOS, Windows and musl
	$(BIN)/python tools/cross.py

platforms: $(VENV)/.wheels ## test the thread pool on other systems: aarch64 under QEMU, Windows under Wine
	$(BIN)/python tools/platforms.py

clean: ## remove all files that these commands made
	rm -rf build $(VENV) $(VENV)-fallback *.egg-info
	find convlab -name '*.so' -delete

$(VENV)/.pip:
	$(SAY) "A virtual environment in $(VENV), with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) is older than Python 3.11; say PYTHON=/path/to/a/newer/one"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.built: $(VENV)/.pip $(SOURCES)
	$(SAY) "Building the kernels (some minutes)"
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	    | $(BIN)/pip install --quiet --requirement /dev/stdin
	CONVLAB_BUILD=require $(BIN)/python setup.py --quiet build_ext --inplace  # pip would hide the progress
	$(SAY) "Installing convlab with its command line"
	CONVLAB_BUILD=pure $(BIN)/pip install --quiet --no-build-isolation --editable ".[cli]"
	@touch $@

$(VENV)/.test: $(VENV)/.built
	$(SAY) "Installing the packages of the tests"
	$(BIN)/pip install --quiet --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.built
	$(SAY) "Installing the linters"
	$(BIN)/pip install --quiet --group lint
	@touch $@

# By default `torch` installs gigabytes of CUDA; pip's configuration can name an index of CPU builds.
$(VENV)/.bench: $(VENV)/.built
	$(SAY) "Installing the peers"
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --editable ".[bench]"
	@touch $@

$(VENV)/.conformance: $(VENV)/.test
	$(SAY) "Installing the libraries to compare with"
	$(BIN)/pip install --quiet torch==2.13.0 expecttest numba onnxruntime opencv-python-headless \
	    scikit-image scikit-learn
	@touch $@

$(VENV)/.wheels: $(VENV)/.pip
	$(SAY) "Installing the tools that build wheels"
	$(BIN)/pip install --quiet --group wheels
	@touch $@

$(VENV)-fallback/.test: $(VENV)/.pip $(SOURCES) $(shell find convlab -name '*.py')
	$(SAY) "A second environment in $(VENV)-fallback, with convlab built without kernels"
	$(PYTHON) -m venv --clear $(VENV)-fallback
	$(VENV)-fallback/bin/pip install --quiet --upgrade "pip>=25.1"
	CONVLAB_BUILD=pure $(VENV)-fallback/bin/pip install --quiet ".[cli]"
	$(VENV)-fallback/bin/pip install --quiet --group test
	@touch $@
