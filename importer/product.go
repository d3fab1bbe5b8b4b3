package importer

import (
	"strings"

	"rnnrep/internal/onnx"
)

// product is a node that multiplies vectors by a constant matrix. Elements of
// values are named by their place in row-major order.
type product struct {
	node              *onnx.Node
	data, out         string
	weight            *onnx.Tensor
	rows, cols        int  // outputs and inputs of one vector
	byCols            bool // weight is stored [cols, rows]
	dataAxis, outAxis int  // along which the vectors lie, counted from the end: 1 is the last
	rank              int  // of the data, where the node prescribes it
	scale             float32
	bias              string // Gemm's C; "": none
	biasScale         float32
	values            []float32 // matrix's result
	source            bool      // no product, but a value that a step reads as it is
}

// sourceOf is a product by the identity, for a value that a step reads as it is:
// what it reads may have been multiplied outside.
func sourceOf(name string, t *onnx.Tensor) *product {
	n := t.Dims[len(t.Dims)-1]
	p := &product{node: &onnx.Node{OpType: "Identity", Outputs: []string{name}}, data: name, out: name, rows: n, cols: n, dataAxis: 1, outAxis: 1, scale: 1, source: true}
	p.values = make([]float32, n*n)
	for i := range n {
		p.values[i*n+i] = 1
	}
	return p
}

// products lists the ops that multiply matrices.
var products = map[string]bool{"MatMul": true, "Gemm": true, "Einsum": true}

// product reads a MatMul, Gemm or Einsum of a constant matrix and a varying
// value.
func (v *view) product(n *onnx.Node) (*product, bool) {
	if !products[n.OpType] || n.Domain != "" || len(n.Inputs) < 2 || len(n.Outputs) != 1 {
		return nil, false
	}
	a, b := n.Inputs[0], n.Inputs[1]
	left := !v.varying[a] // the matrix stands left of the data
	if left {
		a, b = b, a
	}
	if !v.varying[a] || v.varying[b] {
		return nil, false
	}
	p := &product{node: n, out: n.Outputs[0], scale: 1, dataAxis: 1, outAxis: 1}
	ok := true
	switch n.OpType {
	case "MatMul":
		p.readMatMul(left)
	case "Gemm":
		p.readGemm(left)
	default:
		ok = p.readEinsum(left)
	}
	if !ok || v.varying[p.bias] {
		return nil, false
	}
	p.data = a
	weight, err := v.constant(b)
	if err != nil || weight == nil || !weight.Type.Float() {
		return nil, false
	}
	dims := weight.Dims
	for len(dims) > 2 && dims[0] == 1 && n.OpType == "MatMul" {
		dims = dims[1:]
	}
	if len(dims) != 2 {
		return nil, false
	}
	p.weight, p.rows, p.cols = weight, dims[0], dims[1]
	if p.byCols {
		p.rows, p.cols = dims[1], dims[0]
	}
	return p, p.rows > 0 && p.cols > 0
}

func (p *product) readMatMul(left bool) {
	p.byCols = !left
	if left {
		p.dataAxis, p.outAxis = 2, 2
	}
}

func (p *product) readGemm(left bool) {
	n := p.node
	transData, transWeight := n.Int("transA", 0) != 0, n.Int("transB", 0) != 0
	if left {
		transData, transWeight = transWeight, transData
		p.dataAxis, p.outAxis = 2, 2
	}
	if transData {
		p.dataAxis = 3 - p.dataAxis
	}
	p.byCols = left == transWeight
	p.scale, p.biasScale, p.bias, p.rank = n.Float("alpha", 1), n.Float("beta", 1), n.Input(2), 2
}

// readEinsum reads equations such as abc,cd->abd.
func (p *product) readEinsum(left bool) bool {
	in, out, ok := strings.Cut(strings.ReplaceAll(p.node.Text("equation", ""), " ", ""), "->")
	data, weight, two := strings.Cut(in, ",")
	if left {
		data, weight = weight, data
	}
	if !ok || !two || len(weight) != 2 {
		return false
	}
	col := strings.IndexFunc(weight, func(c rune) bool { return strings.ContainsRune(data, c) && !strings.ContainsRune(out, c) })
	if col < 0 {
		return false
	}
	row := weight[1-col : 2-col]
	if strings.Contains(data, row) || strings.ReplaceAll(data, weight[col:col+1], "") != strings.ReplaceAll(out, row, "") || strings.Contains(data, ".") {
		return false
	}
	p.byCols, p.rank = col == 0, len(data)
	p.dataAxis, p.outAxis = len(data)-strings.Index(data, weight[col:col+1]), len(out)-strings.Index(out, row)
	return true
}

// matrix returns the weights as [rows, cols].
func (p *product) matrix() []float32 {
	if p.values == nil {
		p.values = make([]float32, p.rows*p.cols)
		p.read(p.values)
	}
	return p.values
}

// read copies the weights, [rows, cols], without a second copy on the way.
func (p *product) read(dst []float32) {
	if !p.byCols {
		p.weight.ReadFloat32s(dst)
	} else {
		col := make([]float32, p.rows)
		for c := range p.cols {
			part(p.weight, c*p.rows, p.rows).ReadFloat32s(col)
			for r, x := range col {
				dst[r*p.cols+c] = x
			}
		}
	}
	scale(dst, p.scale)
}

// row is the output unit of element i of a result of dimensions dims, outVector
// the vector it belongs to.
func (p *product) row(i int, dims []int) int { row, _ := coordinate(i, p.outAxis, dims); return row }
func (p *product) outVector(i int, dims []int) int {
	_, at := coordinate(i, p.outAxis, dims)
	return at
}

// col is the input unit of element i of data of dimensions dims, vector the
// vector it belongs to.
func (p *product) col(i int, dims []int) int    { col, _ := coordinate(i, p.dataAxis, dims); return col }
func (p *product) vector(i int, dims []int) int { _, at := coordinate(i, p.dataAxis, dims); return at }

// coordinate splits the place of an element into that along an axis, counted
// from the end, and that among the others.
func coordinate(i, axis int, dims []int) (along, among int) {
	stride, at := 1, len(dims)-min(axis, len(dims))
	for _, d := range dims[min(at+1, len(dims)):] {
		stride *= d
	}
	n := 1
	if at < len(dims) {
		n = dims[at]
	}
	return i / stride % n, i/(stride*n)*stride + i%stride
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
