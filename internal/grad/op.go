package grad

// The operations. A new one needs a row in the table of gradtest and a lowering
// in exporter; tests insist on both.
const (
	OpInput Op = iota
	OpZeros
	OpParam
	OpLinear      // x·Wᵀ + b; W shared, or one per model
	OpEmbed       // rows of a table, by index
	OpAdd         // elementwise
	OpAddAt       // x with y added to its rows from Scalar on
	OpMul         // elementwise
	OpScale       // times Scalar
	OpTanh        //
	OpRelu        //
	OpSigmoid     //
	OpGelu        // tanh form
	OpSoftmax     // over each row
	OpConcat      // columns side by side
	OpSlice       // Cols columns from column Scalar on
	OpL2Normalize // rows to unit length
	OpStandardize // columns times a scale, plus a shift
	OpStatistics  // seven numbers of each row
	OpLayerNorm   // rows to mean 0 and variance 1, times a scale, plus a shift
	OpAttention   // self-attention within sequences of Steps rows, Models heads
	OpReshape     // the same numbers in other rows and columns
	OpTranspose   // each block of Steps rows
	OpMean        // of Models rows that are Steps rows apart
	OpAddRepeated // x with y added Models times, in blocks of Steps rows
	OpLSTM        // a layer over Steps steps
	OpGRU
	OpElmanTanh
	OpElmanRelu
	OpCell         // the second output of OpLSTM: c
	OpCrossEntropy // losses: one scalar
	OpTotalVariation
	OpKL
	OpReverseKL
	OpMeanSquare
	OpBinaryCrossEntropy
	opCount
)

var opNames = [opCount]string{"Input", "Zeros", "Param", "Linear", "Embed", "Add", "AddAt", "Mul", "Scale", "Tanh", "Relu",
	"Sigmoid", "Gelu", "Softmax", "Concat", "Slice", "L2Normalize", "Standardize", "Statistics", "LayerNorm", "Attention", "Reshape", "Transpose", "Mean", "AddRepeated", "LSTM", "GRU", "ElmanTanh", "ElmanRelu",
	"Cell", "CrossEntropy", "TotalVariation", "KL", "ReverseKL", "MeanSquare", "BinaryCrossEntropy"}

// String is the op's name.
func (o Op) String() string { return opNames[o] }

// Ops is the number of operations; every Op below it is valid.
const Ops = int(opCount)

// Differentiable reports whether gradients flow through the op.
func (o Op) Differentiable() bool { return gradients[o] != nil }
