# The targets that take long, and those that need more than Go.

PYTHON ?= python3
ZOO    ?= zoo/formal_languages
RUNS   ?= 100
FUZZ   ?= 10m

.PHONY: test ci bench fuzz zoo models python

test:
	go test ./...

ci:
	.ci/run

# A training step against PyTorch's, and the server's answers over loopback.
bench:
	PYTHON=$(PYTHON) bench/zoo_step.sh
	go test -run '^$$' -bench . ./importer ./server

# Every fuzz target for FUZZ each.
fuzz:
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ) $$pkg || exit 1; \
		done; \
	done

# Exported encoders and recovered RNNs in ONNX's checker and ONNX Runtime; what
# PYTHON needs is in requirements-ci.txt.
python:
	go build -o rnnrepd ./cmd/rnnrepd
	$(PYTHON) examples/python/check_export.py ./rnnrepd examples/models/*.onnx
