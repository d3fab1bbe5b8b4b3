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

# What encoders are trained with: those that probe an RNN, those of its weights, and
# those of its weights that would take long with an RNN for every sequence.
PROBING = --supervision 0.02 --task-supervision 0.2 --divergence 1 --every-step --sequences 4
WEIGHTS = --supervision 0.02 --sequences 4
WHOLE   = --supervision 0.02 --sequences 8 --half
DIGITS  = --divergence 1 --every-step
train   = ./rnnrepd train --seed 1 --zoo $(ZOOS)/$(1) --encoder $(2) $(3) --out $(BUNDLES)/$(1)/$(2)

# The shipped bundles, from nothing: about four hours on two cores. Run it again to
# resume.
models:
	go build -o rnnrepd ./cmd/rnnrepd
	./rnnrepd zoo train --family formal_languages --runs 440 --seed 1 --out $(ZOOS)/formal_languages
	$(call train,formal_languages,interactive_probing,--steps 10000 --rate 1e-3 $(PROBING) --supervision 0.05 --task-supervision 0.02)
	$(call train,formal_languages,noninteractive_probing,--steps 8000 --rate 1e-3 $(PROBING))
	$(call train,formal_languages,layerwise_statistics,--steps 3000 --rate 1e-3 $(WEIGHTS))
	$(call train,formal_languages,flattened,--steps 4000 --rate 1e-3 $(WEIGHTS) --half)
	$(call train,formal_languages,parameter_transformer,--options '{"tokens":"unit"}' --steps 3000 --rate 5e-4 $(WHOLE))
	$(call train,formal_languages,dwsnet,--steps 2500 --rate 1e-3 $(WHOLE))
	./rnnrepd zoo train --family sequential_mnist --runs 400 --seed 1 --out $(ZOOS)/sequential_mnist
	$(call train,sequential_mnist,interactive_probing,--steps 15000 --rate 2e-3 $(PROBING))
	$(call train,sequential_mnist,noninteractive_probing,--steps 8000 --rate 2e-3 $(PROBING))
	$(call train,sequential_mnist,layerwise_statistics,--steps 3000 --rate 2e-3 $(WEIGHTS) $(DIGITS))
	$(call train,sequential_mnist,flattened,--steps 4000 --rate 2e-3 $(WEIGHTS) $(DIGITS) --half)
	$(call train,sequential_mnist,parameter_transformer,--options '{"tokens":"unit"}' --steps 2500 --rate 5e-4 $(WHOLE) $(DIGITS))
	$(call train,sequential_mnist,dwsnet,--steps 2000 --rate 1e-3 $(WHOLE) $(DIGITS))
	./rnnrepd zoo train --family mixed --runs 1200 --seed 1 --out $(ZOOS)/mixed
	./rnnrepd train --zoo $(ZOOS)/mixed --seed 1 --supervision 0.5 --steps 5000 --encoder responses --out $(BUNDLES)/universal/responses

# How the universal bundle does on RNNs of a cell or a width that it was not trained on.
left-out:
	go build -o rnnrepd ./cmd/rnnrepd
	for property in cell=gru cell=lstm cell=rnn_tanh cell=rnn_relu hidden=8 hidden=64; do \
		./rnnrepd train --zoo $(ZOOS)/mixed --seed 1 --supervision 0.5 --steps 5000 --encoder responses \
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
