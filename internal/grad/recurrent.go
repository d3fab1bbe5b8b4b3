package grad

import "fmt"

// Weights are one recurrent layer's, in PyTorch's layout: IH [gates*H, in], HH
// [gates*H, H], biases [1, gates*H]; or, for N models, one row per model: IH
// [N, gates*H*in] and so on. Biases with N rows mean N models.
type Weights struct{ IH, HH, BIH, BHH Var }

// State is what a recurrent layer carries from step to step; C is LSTM's only.
type State struct{ H, C Var }

// Steps is the input of a recurrent layer: T time steps of R/T rows each, step
// by step. Either X is set, or Tokens, which stands for one-hot rows.
type Steps struct {
	X      Var
	Tokens []int32 // [T * rows]; IH then is [gates*H, V]
	T      int
}

// recurrence is what differs between cells.
type recurrence struct {
	gates    int
	lstm     bool
	joined   bool // the two products share one buffer
	forward  func(p *recurrentPass, step int)
	backward func(p *recurrentPass, step int, dPrev []float32) // dPrev: gradient of h before the step, or nil
}

var recurrences = [opCount]*recurrence{
	OpLSTM:      {gates: 4, lstm: true, joined: true, forward: lstmForward, backward: lstmBackward},
	OpGRU:       {gates: 3, forward: gruForward, backward: gruBackward},
	OpElmanTanh: {gates: 1, joined: true, forward: elmanTanhForward, backward: elmanTanhBackward},
	OpElmanRelu: {gates: 1, joined: true, forward: elmanReluForward, backward: elmanReluBackward},
}

func init() {
	for op, cell := range recurrences {
		if cell != nil {
			gradients[op], startsGradients[op] = recurrentBackward, true
		}
	}
}

// Inputs of a recurrent record. The initial state and x may be absent (-1).
const (
	inIH = iota
	inHH
	inBIH
	inBHH
	inX
	inH
	inC
)

// Scratch of a recurrent record: aux indices.
const (
	auxGates = iota // [T*R, gates*H]: activations, later their gradient
	auxHH           // [T*R, gates*H]: h·HHᵀ + BHH where it is kept apart (GRU)
	auxTanhC        // [T*R, H] (LSTM)
	auxCell         // [T*R, H]: c (LSTM)
)

// Recurrent runs one layer of the cell op (OpLSTM, OpGRU, OpElmanTanh,
// OpElmanRelu) over all steps: h of every step, [T*R, H], and the final state's
// values of every step as State (for T = 1 it is the next state). A zero
// initial State means zeros.
func Recurrent(op Op, w Weights, in Steps, s State) (h Var, next State) {
	cell := recurrences[op]
	t := w.HH.t
	models := w.BIH.Rows()
	width := w.BIH.Cols()
	hidden := width / cell.gates
	rows := len(in.Tokens)
	if in.X.t != nil {
		rows = in.X.Rows()
	}
	checkRecurrent(w, in, s, models, width, hidden, rows)
	r, v := t.compute(op, rows, hidden, w.IH, w.HH, w.BIH, w.BHH)
	r.steps, r.models, r.index = in.T, models, in.Tokens
	attach(t, r, inX, in.X)
	attach(t, r, inH, s.H)
	attach(t, r, inC, s.C)
	r.nin = inC + 1
	r.aux[auxGates] = t.arena.Take(rows * width)
	if !cell.joined {
		r.aux[auxHH] = t.arena.Take(rows * width)
	}
	if cell.lstm {
		r.aux[auxTanhC], r.aux[auxCell] = t.arena.Take(rows*hidden), t.arena.Take(rows*hidden)
	}
	recurrentForward(t, r, cell)
	next = State{H: v}
	if cell.lstm {
		r.cell = v.id + 1
		value := r.aux[auxCell]
		c, cv := t.add(OpCell, rows, hidden, v)
		c.value = value
		next.C = cv
	}
	return v, next
}

// attach sets an optional input of r.
func attach(t *Tape, r *record, slot int, v Var) {
	r.in[slot] = -1
	if v.t != nil {
		r.in[slot] = v.id
		r.needs = r.needs || t.records[v.id].needs && !t.infer
	}
}

func (t *Tape) optional(r *record, slot int) *record {
	if r.in[slot] < 0 {
		return nil
	}
	return &t.records[r.in[slot]]
}

func checkRecurrent(w Weights, in Steps, s State, models, width, hidden, rows int) {
	bad := len(w.HH.Value()) != models*width*hidden || rows%in.T != 0 || rows/in.T%models != 0
	if in.X.t != nil {
		bad = bad || len(w.IH.Value()) != models*width*in.X.Cols()
	}
	if s.H.t != nil {
		bad = bad || len(s.H.Value()) != rows/in.T*hidden
	}
	if bad {
		panic(fmt.Sprintf("grad: recurrent layer: %d rows in %d steps, IH %dx%d, HH %dx%d, %d models, %d gate columns",
			rows, in.T, w.IH.Rows(), w.IH.Cols(), w.HH.Rows(), w.HH.Cols(), models, width))
	}
}
