package zoo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"rnnrep/internal/errs"
	"rnnrep/internal/half"
)

// Run is one training.
type Run struct {
	Index     int
	Task      []float32 // parameters of its task
	Snapshots []Snapshot
}

// Snapshot is an RNN at a step of its training.
type Snapshot struct {
	Step    int
	Weights []float32
	Metrics []float64 // in the order of Header.Metrics; NaN: not measured
	Tokens  []int32   // [RolloutCount, RolloutLength], or nil
	Inputs  []float32 // [RolloutCount, RolloutLength, Inputs], or nil
	Logits  []float32 // [RolloutCount, RolloutLength, Outputs]
}

const (
	magic          = "RNNREPZ1"
	maxTaskNumbers = 1 << 10
)

// encode returns the bytes of a run file.
func encode(h *Header, r *Run) ([]byte, error) {
	if len(r.Snapshots) != len(h.Steps) || len(r.Task) > maxTaskNumbers {
		return nil, errs.New(errs.Damaged, "run %d has %d snapshots and %d task parameters, the header wants %d snapshots", r.Index, len(r.Snapshots), len(r.Task), len(h.Steps))
	}
	var b bytes.Buffer
	b.WriteString(magic)
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a Buffer does not fail
	put(uint32(r.Index))
	put(uint32(len(r.Task)))
	put(r.Task)
	steps := h.RolloutCount * h.RolloutLength
	for i, s := range r.Snapshots {
		if s.Step != h.Steps[i] || len(s.Weights) != h.Spec.Parameters() || len(s.Metrics) != len(h.Metrics) || len(s.Logits) != steps*h.Outputs ||
			h.Inputs == 0 && len(s.Tokens) != steps || len(s.Inputs) != steps*h.Inputs {
			return nil, errs.New(errs.Damaged, "run %d, snapshot %d does not have the sizes of the header", r.Index, i)
		}
		put(uint32(s.Step))
		put(s.Metrics)
		put(s.Weights)
		if h.Inputs > 0 {
			put(halfBits(s.Inputs))
		} else {
			for _, t := range s.Tokens {
				if limit := h.vocabulary(); t < 0 || int(t) >= limit {
					return nil, errs.New(errs.Damaged, "run %d: token %d", r.Index, t).Accepts("0 to %d", limit-1)
				}
				b.WriteByte(byte(t))
			}
		}
		put(halfBits(s.Logits))
	}
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	return b.Bytes(), nil
}

func halfBits(values []float32) []uint16 {
	h := make([]uint16, len(values))
	for i, v := range values {
		h[i] = half.From(v)
	}
	return h
}

// decode reads a run file; every size comes from the header, which is valid,
// and is compared with the length of data first.
func decode(h *Header, file string, data []byte) (*Run, error) {
	damaged := func(what string) error {
		return errs.New(errs.Damaged, "%s: %s", file, what).Do("delete the file and train again: only this run will be repeated")
	}
	if len(data) < len(magic)+8+sha256.Size || string(data[:len(magic)]) != magic {
		return nil, damaged("not a run of a zoo, version 1")
	}
	body, sum := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, damaged("the checksum does not match: the file is damaged or truncated")
	}
	r := &reader{body[len(magic):]}
	run := &Run{Index: int(r.uint32())}
	task := int(r.uint32())
	if task > maxTaskNumbers || len(r.data) != 4*task+len(h.Steps)*h.snapshotBytes() {
		return nil, damaged("its size is not what the header of the zoo says")
	}
	run.Task = r.floats(task)
	steps := h.RolloutCount * h.RolloutLength
	for _, step := range h.Steps {
		s := Snapshot{Step: int(r.uint32()), Metrics: r.doubles(len(h.Metrics)), Weights: r.floats(h.Spec.Parameters())}
		if s.Step != step {
			return nil, damaged("a snapshot has another step than the header says")
		}
		if h.Inputs > 0 {
			s.Inputs = r.halves(steps * h.Inputs)
		} else {
			s.Tokens = r.tokens(steps)
			if i := slices.IndexFunc(s.Tokens, func(t int32) bool { return int(t) >= h.vocabulary() }); i >= 0 {
				return nil, damaged(fmt.Sprintf("token %d is none of %d", s.Tokens[i], h.vocabulary()))
			}
		}
		s.Logits = r.halves(steps * h.Outputs)
		run.Snapshots = append(run.Snapshots, s)
	}
	return run, nil
}

// reader takes values off the front of data, whose length its user has checked.
type reader struct{ data []byte }

func (r *reader) take(n int) []byte {
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) uint32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

func (r *reader) floats(n int) []float32 {
	b, v := r.take(4*n), make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

func (r *reader) doubles(n int) []float64 {
	b, v := r.take(8*n), make([]float64, n)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return v
}

func (r *reader) tokens(n int) []int32 {
	v := make([]int32, n)
	for i, t := range r.take(n) {
		v[i] = int32(t)
	}
	return v
}

func (r *reader) halves(n int) []float32 {
	b, v := r.take(2*n), make([]float32, n)
	for i := range v {
		v[i] = half.To(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return v
}
