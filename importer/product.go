package importer

import (
	"rnnrep/internal/onnx"
)

// product is a node that multiplies a value by a constant matrix. Elements of
// values are named by their place in row-major order.
type product struct {
	node       *onnx.Node
	data, out  string
	weight     *onnx.Tensor
	rows, cols int  // outputs and inputs of one vector
	byCols     bool // weight is stored [cols, rows]
	left       bool // the matrix stands left of the data: vectors are columns
	scale      float32
	bias       string // Gemm's C; "": none
	biasScale  float32
	values     []float32 // matrix's result
}

// product reads a MatMul or Gemm of a constant matrix and a varying value.
func (v *view) product(n *onnx.Node) (*product, bool) {
	if n.Domain != "" || n.OpType != "MatMul" && n.OpType != "Gemm" || len(n.Inputs) < 2 || len(n.Outputs) != 1 {
		return nil, false
	}
	p := &product{node: n, out: n.Outputs[0], scale: 1}
	a, b := n.Inputs[0], n.Inputs[1]
	if p.left = !v.varying[a]; p.left {
		a, b = b, a
	}
	if !v.varying[a] || v.varying[b] {
		return nil, false
	}
	p.data = a
	weight, err := v.constant(b)
	if err != nil || weight == nil || !weight.Type.Float() {
		return nil, false
	}
	dims := weight.Dims
	for len(dims) > 2 && dims[0] == 1 {
		dims = dims[1:]
	}
	if len(dims) != 2 {
		return nil, false
	}
	p.weight, p.byCols = weight, !p.left
	if n.OpType == "Gemm" {
		transData, transWeight := n.Int("transA", 0) != 0, n.Int("transB", 0) != 0
		if p.left {
			transData, transWeight = transWeight, transData
		}
		if transData {
			return nil, false // a transposed activation; no exporter writes it
		}
		p.byCols = p.byCols != transWeight
		p.scale, p.biasScale, p.bias = n.Float("alpha", 1), n.Float("beta", 1), n.Input(2)
		if v.varying[p.bias] {
			return nil, false
		}
	}
	p.rows, p.cols = dims[0], dims[1]
	if p.byCols {
		p.rows, p.cols = dims[1], dims[0]
	}
	return p, p.rows > 0 && p.cols > 0
}

// matrix returns the weights as [rows, cols].
func (p *product) matrix() []float32 {
	if p.values == nil {
		p.values = p.weight.Float32s()
		if p.byCols {
			p.values = transpose(p.values, p.cols, p.rows)
		}
		scale(p.values, p.scale)
	}
	return p.values
}

// row is the output unit of element i of a result of dimensions dims.
func (p *product) row(i int, dims []int) int { return p.unit(i, p.rows, dims) }

// col is the input unit of element i of data of dimensions dims.
func (p *product) col(i int, dims []int) int { return p.unit(i, p.cols, dims) }

func (p *product) unit(i, width int, dims []int) int {
	if p.left && len(dims) > 1 { // [..., width, vectors]
		i /= dims[len(dims)-1]
	}
	return i % width
}

// vector tells which of the vectors in data of dimensions dims element i
// belongs to; outVector the same of a result.
func (p *product) vector(i int, dims []int) int    { return p.lane(i, p.cols, dims) }
func (p *product) outVector(i int, dims []int) int { return p.lane(i, p.rows, dims) }

func (p *product) lane(i, width int, dims []int) int {
	if !p.left || len(dims) < 2 {
		return i / width
	}
	n := dims[len(dims)-1]
	return i/(n*width)*n + i%n
}

// vectors returns some columns of data, vector by vector.
func (p *product) vectors(data *onnx.Tensor, columns []int) []float32 {
	values := data.Float32s()
	place := make(map[int]int, len(columns))
	for k, col := range columns {
		place[col] = k
	}
	list := make([]float32, len(values)/p.cols*len(columns))
	for i, x := range values {
		if k, ok := place[p.col(i, data.Dims)]; ok {
			list[p.vector(i, data.Dims)*len(columns)+k] = x
		}
	}
	return list
}

// scale multiplies in place.
func scale(x []float32, by float32) {
	if by == 1 {
		return
	}
	for i := range x {
		x[i] *= by
	}
}

// transpose turns [rows, cols] into [cols, rows].
func transpose(x []float32, rows, cols int) []float32 {
	t := make([]float32, len(x))
	for r := range rows {
		for c := range cols {
			t[c*rows+r] = x[r*cols+c]
		}
	}
	return t
}
