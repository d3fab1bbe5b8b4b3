// Package encoders maps RNN weights to embeddings and what is predicted from
// them: the Encoder variants, the Emulator that trains them, the predictors and
// the Bundle that holds a trained set.
//
// The package must not import onnx, training or server.
package encoders
