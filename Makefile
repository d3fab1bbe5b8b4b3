# The targets that take long, and those that need more than Go.

PYTHON ?= python3
ZOO    ?= zoo/formal_languages
BUNDLES ?= bundles/formal_languages
FUZZ   ?= 10m

.PHONY: test ci bench fuzz zoo models results python

test:
	go test ./...

ci:
	.ci/run

# Training steps against PyTorch's, the server over loopback, importing.
bench:
	PYTHON=$(PYTHON) bench/zoo_step.sh
	PYTHON=$(PYTHON) bench/encoder_steps.sh
	bench/serve.sh
	go test -run '^$$' -bench . ./importer

# Every fuzz target for FUZZ each.
fuzz:
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ) $$pkg || exit 1; \
		done; \
	done

# Exported encoders and recovered RNNs in ONNX's checker, ONNX Runtime and PyTorch; what
# PYTHON needs is in requirements-ci.txt.
python:
	go build -o rnnrepd ./cmd/rnnrepd
	$(PYTHON) examples/python/check_export.py ./rnnrepd examples/models/*.onnx
	$(PYTHON) examples/python/load_recovered.py ./rnnrepd importer/testdata/*/manifest.json

# The shipped bundles, from nothing: about an hour and a half on two cores. Run it
# again to resume.
models:
	go build -o rnnrepd ./cmd/rnnrepd
	./rnnrepd zoo train --family formal_languages --runs 320 --seed 1 --out $(ZOO)
	./rnnrepd train --zoo $(ZOO) --seed 1 --supervision 0.02 --steps 3000 --encoder layerwise_statistics --out $(BUNDLES)/layerwise_statistics
	./rnnrepd train --zoo $(ZOO) --seed 1 --supervision 0.02 --steps 7000 --rate 5e-4 --encoder interactive_probing --out $(BUNDLES)/interactive_probing

# docs/results.md: the bundles on their zoo, boosted trees beside them. PYTHON needs
# scikit-learn.
results:
	go build -o rnnrepd ./cmd/rnnrepd
	./rnnrepd eval --zoo $(ZOO) --features $(ZOO)/features.csv
	$(PYTHON) bench/boosted_trees.py $(ZOO)/features.csv $(ZOO)/boosted_trees.csv
	./rnnrepd eval --zoo $(ZOO) --predictions "boosted trees on statistics=$(ZOO)/boosted_trees.csv" --out docs $(BUNDLES)/*
