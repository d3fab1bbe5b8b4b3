# The targets that take long, and those that need more than Go.

PYTHON ?= python3
ZOOS    ?= zoo
BUNDLES ?= bundles
FUZZ   ?= 10m
KEPT   ?= artifacts/exported

.PHONY: test ci bench fuzz models left-out results python

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
	rm -rf $(KEPT)
	$(PYTHON) examples/python/check_export.py --models models --keep $(KEPT) ./rnnrepd examples/models/*.onnx
	$(PYTHON) examples/python/load_recovered.py ./rnnrepd importer/testdata/*/manifest.json

# The shipped bundles, from nothing: about three hours on two cores. Run it again to
# resume.
models:
	go build -o rnnrepd ./cmd/rnnrepd
	./rnnrepd zoo train --family formal_languages --runs 320 --seed 1 --out $(ZOOS)/formal_languages
	./rnnrepd train --zoo $(ZOOS)/formal_languages --seed 1 --supervision 0.02 --steps 3000 --encoder layerwise_statistics --out $(BUNDLES)/formal_languages/layerwise_statistics
	./rnnrepd train --zoo $(ZOOS)/formal_languages --seed 1 --supervision 0.02 --steps 7000 --rate 5e-4 --encoder interactive_probing --out $(BUNDLES)/formal_languages/interactive_probing
	./rnnrepd zoo train --family sequential_mnist --runs 200 --seed 1 --out $(ZOOS)/sequential_mnist
	./rnnrepd train --zoo $(ZOOS)/sequential_mnist --seed 1 --supervision 0.02 --steps 3000 --encoder layerwise_statistics --out $(BUNDLES)/sequential_mnist/layerwise_statistics
	./rnnrepd train --zoo $(ZOOS)/sequential_mnist --seed 1 --supervision 0.02 --steps 9000 --rate 2e-3 --encoder interactive_probing --out $(BUNDLES)/sequential_mnist/interactive_probing
	./rnnrepd zoo train --family mixed --runs 1200 --seed 1 --out $(ZOOS)/mixed
	./rnnrepd train --zoo $(ZOOS)/mixed --seed 1 --supervision 0.5 --steps 5000 --encoder layerwise_dynamics --out $(BUNDLES)/universal/layerwise_dynamics

# How the universal bundle does on RNNs of a cell or a width that it was not trained on.
left-out:
	go build -o rnnrepd ./cmd/rnnrepd
	for property in cell=gru cell=lstm cell=rnn_tanh cell=rnn_relu hidden=8 hidden=64; do \
		./rnnrepd train --zoo $(ZOOS)/mixed --seed 1 --supervision 0.5 --steps 5000 --encoder layerwise_dynamics \
			--leave-out $$property --out $(BUNDLES)/left_out/$$property; done

# docs/results.md: the bundles on their zoos, boosted trees beside them. PYTHON needs
# scikit-learn.
results:
	go build -o rnnrepd ./cmd/rnnrepd
	for family in formal_languages sequential_mnist; do \
		./rnnrepd eval --zoo $(ZOOS)/$$family --features $(ZOOS)/$$family/features.csv && \
		$(PYTHON) bench/boosted_trees.py $(ZOOS)/$$family/features.csv $(ZOOS)/$$family/boosted_trees.csv || exit 1; done
	./rnnrepd eval --zoo $(ZOOS)/formal_languages --zoo $(ZOOS)/sequential_mnist --zoo $(ZOOS)/mixed \
		--predictions "formal_languages/boosted trees on statistics=$(ZOOS)/formal_languages/boosted_trees.csv" \
		--predictions "sequential_mnist/boosted trees on statistics=$(ZOOS)/sequential_mnist/boosted_trees.csv" \
		--out docs models/*/*
