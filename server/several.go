package server

import (
	"context"
	"fmt"
	"sync"

	"rnnrep/internal/errs"
	"rnnrep/rnn"
)

// maxSeveral is how many models a request may hold.
const maxSeveral = 64

// answerSeveral answers for all models of a request together, or fails with the
// error of the first that is refused. They are read one by one and embedded
// together. bundle is looked at after load.
func (s *Server) answerSeveral(ctx context.Context, load func() ([]Upload, error), want Want, bundle *string) ([]Answer, error) {
	var answers []Answer
	var models []*rnn.Model
	err := s.reading(ctx, func() error {
		uploads, err := load()
		if err != nil {
			return err
		}
		for i, u := range uploads {
			if err := ctx.Err(); err != nil {
				return err
			}
			a, m, err := s.describe(ctx, u)
			if err != nil {
				return ofModel(err, i, len(uploads))
			}
			a.Report = nil
			answers, models = append(answers, a), append(models, m)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	failed := make([]error, len(models))
	var wg sync.WaitGroup
	apart := context.WithValue(ctx, callKey{}, nil) // the request's times are not those of one model
	for i, m := range models {
		wg.Go(func() { failed[i] = s.service.complete(apart, &answers[i], m, want, *bundle) })
	}
	wg.Wait()
	for i, err := range failed {
		if err != nil {
			return nil, ofModel(err, i, len(models))
		}
	}
	return answers, nil
}

// ofModel says which of several models an error is about.
func ofModel(err error, i, n int) error {
	e := errs.As(err)
	if n == 1 || e.Code == errs.Internal {
		return err
	}
	named := *e
	named.Detail = fmt.Sprintf("model %d: %s", i, e.Detail)
	return &named
}
