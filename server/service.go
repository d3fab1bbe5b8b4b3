package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"rnnrep/encoders"
	"rnnrep/exporter"
	"rnnrep/importer"
	"rnnrep/internal/errs"
	"rnnrep/rnn"
	"rnnrep/server/web"
)

// Want says how much of an answer is asked for.
type Want int

// Inspect reads the model only; Embed adds the embedding, Predict everything.
const (
	Inspect Want = iota
	Embed
	Predict
)

// Service answers for models with the bundles at hand. It is safe for
// concurrent use.
type Service struct {
	maxBytes int64 // of a model with its external data; 0: the importer's default
	verifier importer.Verifier
	embed    func(context.Context, *encoders.Bundle, *rnn.Model) (encoders.Result, error)
	entries  atomic.Pointer[[]entry]
}

// entry is a bundle with its export and its map as JSON, each made when it is
// first asked for.
type entry struct {
	bundle       *encoders.Bundle
	export, plan func() ([]byte, error)
}

// NewService returns a service that embeds one model at a time.
func NewService(bundles []*encoders.Bundle) *Service {
	s := &Service{embed: func(ctx context.Context, b *encoders.Bundle, m *rnn.Model) (encoders.Result, error) {
		results, err := b.Embed(ctx, []*rnn.Model{m})
		if err != nil {
			return encoders.Result{}, err
		}
		return results[0], nil
	}}
	s.SetBundles(bundles)
	return s
}

// VerifyBy lets v run the graphs that the recovered RNNs are compared with; nil
// is the importer's own evaluator. It must come before the first answer.
func (s *Service) VerifyBy(v importer.Verifier) { s.verifier = v }

// SetBundles replaces the bundles. Answers in progress keep theirs.
func (s *Service) SetBundles(bundles []*encoders.Bundle) {
	entries := make([]entry, len(bundles))
	for i, b := range bundles {
		entries[i] = entry{bundle: b, export: sync.OnceValues(func() ([]byte, error) {
			var out bytes.Buffer
			err := exporter.WriteEncoder(&out, b, exporter.Options{})
			return out.Bytes(), err
		}), plan: sync.OnceValues(func() ([]byte, error) {
			m, err := web.NewMap(b)
			if err != nil {
				return nil, err
			}
			return json.Marshal(m)
		})}
	}
	s.entries.Store(&entries)
}

// Bundles returns the bundles at hand.
func (s *Service) Bundles() []*encoders.Bundle {
	var bundles []*encoders.Bundle
	for _, e := range *s.entries.Load() {
		bundles = append(bundles, e.bundle)
	}
	return bundles
}

// Read recovers the RNN of an upload, which may be an archive.
func (s *Service) Read(u Upload) (*rnn.Model, importer.Report, error) {
	u, err := u.Unpack(s.maxBytes)
	if err != nil {
		return nil, importer.Report{}, err
	}
	return s.read(u)
}

func (s *Service) read(u Upload) (*rnn.Model, importer.Report, error) {
	return importer.ReadBytes(u.Data, importer.Options{MaxBytes: s.maxBytes, External: u.External, Verifier: s.verifier})
}

// Answer answers for one upload; a refusal is an Answer with its Error set.
// bundle "" leaves the choice to the service.
func (s *Service) Answer(ctx context.Context, u Upload, want Want, bundle string) Answer {
	a, m, err := s.describe(u)
	if err == nil && want != Inspect {
		a.Report = nil
		err = s.complete(ctx, &a, m, want, bundle)
	}
	if err != nil {
		return Refused(u.File, a.SHA256, err)
	}
	return a
}

// describe answers with what is in the file alone.
func (s *Service) describe(u Upload) (Answer, *rnn.Model, error) {
	unpacked, err := u.Unpack(s.maxBytes)
	if err != nil {
		return Answer{File: u.File, SHA256: digest(u.Data)}, nil, err
	}
	a := Answer{File: u.File, SHA256: digest(unpacked.Data)}
	m, report, err := s.read(unpacked)
	if err != nil {
		return a, nil, err
	}
	a.OK, a.RNN, a.Verified, a.Report = true, describe(m.Spec, report.Found), &report.Verified, &report
	return a, m, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// complete adds what a bundle says.
func (s *Service) complete(ctx context.Context, a *Answer, m *rnn.Model, want Want, bundle string) error {
	b, err := s.choose(bundle, m.Spec)
	if err != nil {
		return err
	}
	r, err := s.embed(ctx, b, m)
	if err != nil {
		return err
	}
	a.Bundle, a.Embedding, a.Trust = r.Bundle, r.Embedding, &r.Trust
	if want == Predict {
		a.Predictions, a.Neighbours = &r.Predictions, r.Neighbours
	}
	return nil
}

// find returns a bundle by name.
func (s *Service) find(name string) (entry, error) {
	var names []string
	for _, e := range *s.entries.Load() {
		if e.bundle.Name() == name {
			return e, nil
		}
		names = append(names, e.bundle.Name())
	}
	return entry{}, errs.New(errs.UnknownBundle, "there is no bundle %q", name).Accepts("%s", strings.Join(names, ", ")).
		Do("leave the name out to take the best bundle that accepts the RNN")
}

// Bundle returns a bundle by name.
func (s *Service) Bundle(name string) (*encoders.Bundle, error) {
	e, err := s.find(name)
	return e.bundle, err
}

// BundleList is the answer of GET /v1/bundles and of `rnnrepd bundles`.
type BundleList struct {
	Bundles []encoders.BundleInfo `json:"bundles"`
}

// List describes the service's bundles.
func (s *Service) List() BundleList {
	l := BundleList{Bundles: []encoders.BundleInfo{}}
	for _, b := range s.Bundles() {
		l.Bundles = append(l.Bundles, b.Info())
	}
	return l
}

// choose returns the named bundle, or the best that accepts the spec: see
// compareFitness.
func (s *Service) choose(name string, spec rnn.Spec) (*encoders.Bundle, error) {
	if name != "" {
		b, err := s.Bundle(name)
		if err != nil {
			return nil, err
		}
		return b, b.Encoder.Accepts().Check(spec)
	}
	fit := slices.DeleteFunc(s.Bundles(), func(b *encoders.Bundle) bool { return b.Encoder.Accepts().Check(spec) != nil })
	if len(fit) == 0 {
		return nil, errs.New(errs.SpecNotAccepted, "no bundle reads an RNN of spec %s", spec).Do("train one with `rnnrepd train`, or add a responses or layerwise_statistics bundle: they read any RNN")
	}
	return slices.MaxFunc(fit, func(a, b *encoders.Bundle) int { return compareFitness(a, b, spec) }), nil
}

// compareFitness orders bundles for a spec. Best are those trained on RNNs of this
// spec alone, then on this and others, then on many others, then what reads any
// RNN, then probers of one spec; of equals, those of better scores.
func compareFitness(a, b *encoders.Bundle, spec rnn.Spec) int {
	class := func(b *encoders.Bundle) int {
		switch accepts := b.Encoder.Accepts(); {
		case accepts.Shapes == nil && accepts.Knows(spec):
			return 4
		case accepts.Knows(spec):
			return 3
		case accepts.Shapes != nil:
			return 2
		case accepts.Inputs == 0:
			return 1
		}
		return 0
	}
	score := func(b *encoders.Bundle) float64 {
		return b.Manifest.Scores["validation_accuracy_r2"] - b.Manifest.Scores["validation_emulation_loss"]
	}
	return cmp.Or(class(a)-class(b), cmp.Compare(score(a), score(b)))
}
