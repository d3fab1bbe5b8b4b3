package importer

import (
	"context"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"rnnrep/internal/errs"
	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// Options bound and steer a reading. The zero value verifies, within defaults.
type Options struct {
	MaxBytes         int64             // of the file and its external data together; 0: 1 GiB
	External         map[string][]byte // external-data files by base name
	SkipVerification bool              // do not run the original nodes against the recovered model
	Verifier         Verifier          // runs the original graph, too, to compare with
	Timeout          time.Duration     // of the evaluations that find and verify the RNN; 0: 10 s
}

const (
	defaultMaxBytes = 1 << 30
	defaultTimeout  = 10 * time.Second
)

func (o Options) maxBytes() int64 {
	if o.MaxBytes > 0 {
		return o.MaxBytes
	}
	return defaultMaxBytes
}

// Read is ReadBytes of all that r holds, at most o.MaxBytes.
func Read(r io.Reader, o Options) (*rnn.Model, Report, error) {
	limit := o.maxBytes()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, Report{}, err
	}
	if int64(len(data)) > limit {
		return nil, Report{}, errs.New(errs.TooLarge, "the model has more than %d bytes", limit).Accepts("up to %d", limit)
	}
	return ReadBytes(data, o)
}

// ReadBytes recovers the RNN of an ONNX file. Float32 weights are those of the
// file bit for bit, in PyTorch's layout; other types are rounded to float32.
// data and o.External must not change meanwhile.
//
// Errors are *errs.Error: those of onnx.Parse, no_recurrence, unsupported_cell,
// unsupported_op, weights_not_constant, shape_mismatch, non_finite_weights,
// non_finite_outputs, verification_failed and timeout; with a Verifier also
// verification_incomplete and verification_aborted. The report of a refused model says what was found.
//
// Recognisers hold what they find against each other; should one fail to, the
// file is refused as internal and the process lives.
func ReadBytes(data []byte, o Options) (model *rnn.Model, report Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			model, err = nil, errs.New(errs.Internal, "the importer failed on this graph: %v", p).Do("please report the file")
		}
	}()
	m, err := onnx.Parse(data, o.External, onnx.Limits{Bytes: o.maxBytes()})
	if err != nil {
		return nil, Report{}, err
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return read(ctx, m, o, contentSeed(data))
}

// ExternalNames lists the external-data files that a model names.
func ExternalNames(data []byte) []string { return onnx.ExternalNames(data) }

// read recovers the RNN of a parsed model. seed makes the random inputs.
func read(ctx context.Context, m *onnx.Model, o Options, seed uint64) (*rnn.Model, Report, error) {
	report := Report{
		Producer: producer(m), IRVersion: m.IRVersion, Opset: m.Opsets[""], Nodes: len(m.Graph.Nodes),
		Verified: Verification{Method: "none"},
	}
	if report.Opset == 0 { // opset_import comes after the graph in most files
		return nil, report, errs.New(errs.Truncated, "the model does not say which opset it uses").Do("copy or export the file again")
	}
	low, notes := lower(ctx, m)
	report.Notes = notes
	v := newView(ctx, low)
	all, err := v.candidates(seed)
	if err != nil {
		if e := errs.As(err); e.Hint == "" && *v.exceeded != nil {
			e.Hint = "an evaluation went beyond its limits, which may be why: " + errs.As(*v.exceeded).Detail
		}
		return nil, report, err
	}
	best := largest(all)
	best.readout = best.wiring.readout(best.stack)
	report.describe(best, all)
	if err := *v.exceeded; err != nil {
		report.Notes = append(report.Notes, "an evaluation went beyond its limits, so that there may be more than was found: "+errs.As(err).Detail)
	}
	model, err := best.model()
	if err != nil {
		return nil, report, err
	}
	if err := model.Validate(); err != nil {
		return nil, report, err
	}
	if o.SkipVerification {
		return model, report, nil
	}
	started := time.Now()
	report.Verified, err = verify(best.wiring.view, best.stack, model, seed)
	if err == nil && slices.Contains(notes, quantisedNote) {
		report.Verified.Note, err = verifyQuantised(newView(ctx, m), best, model, seed, !slices.Contains(notes, rangesNote))
	}
	if err == nil && o.Verifier != nil {
		report.Verified, err = verifyOutside(best, model, m, o.Verifier, notes, seed)
	}
	report.Verifying = time.Since(started)
	if err != nil {
		return nil, report, err
	}
	return model, report, nil
}

func producer(m *onnx.Model) string {
	if m.ProducerVersion == "" {
		return m.Producer
	}
	return m.Producer + " " + m.ProducerVersion
}

// contentSeed is equal for equal files. The first bytes tell files apart well
// enough; hashing a large file would cost more than reading it.
func contentSeed(data []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(data[:min(len(data), 1<<12)])
	return h.Sum64() + uint64(len(data))
}
