// Package zoo stores the snapshots of trained RNNs: their weights, what was
// measured on them and the sequences sampled from them.
//
// A zoo is a folder: zoo.json is its header, and every run, one training, is a
// file run-00012.rrz. A run is committed as a whole, by writing it aside and
// renaming it, so an interrupted training leaves only whole runs. The bytes of
// a run depend on the header's seed and the run's index alone.
//
// A run file is little-endian:
//
//	8 bytes   "RNNREPZ1"
//	uint32    index of the run
//	uint32    number of task parameters, each a float32 after it
//	for every snapshot step of the header:
//	  uint32    step
//	  float64   one for every metric of the header
//	  float32   weights in the order of rnn.Spec.Layout
//	  uint8     tokens [RolloutCount, RolloutLength], if Inputs is 0
//	  float16   inputs [RolloutCount, RolloutLength, Inputs], otherwise
//	  float16   logits [RolloutCount, RolloutLength, Outputs]
//	32 bytes  SHA-256 of all before
//
// Logits are in half precision, which costs less than 1e-3 of total variation:
// log-probabilities where the RNN sampled its sequences, its plain outputs where
// it read given ones. Inputs are rounded to half precision before it reads them.
package zoo
