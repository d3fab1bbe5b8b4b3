// Package training trains zoos of RNNs, encoders by self-supervised emulation,
// and predictors on frozen embeddings; it also evaluates them.
//
// Results depend on the seed and the run or step index alone: not on the number
// of workers, on grouping or on interruptions.
package training
