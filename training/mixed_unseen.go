package training

import (
	"context"
	"errors"
	"slices"

	"rnnrep/encoders"
	"rnnrep/internal/grad"
	"rnnrep/internal/optim"
	"rnnrep/internal/rng"
	"rnnrep/rnn/zoo"
)

const (
	unseenBatch = 128
	unseenRate  = 2e-3
	// unseenShare is how many steps encoders of trainings that leave shapes out are
	// trained for, as a share of the predictors'.
	unseenShare = 3
)

// shapeGroup is the snapshots of a mixed zoo that have a shape in common.
type shapeGroup struct {
	name string
	has  func(e *example) bool
}

// cellGroups has one for each cell.
func (d *dataset) cellGroups() (groups []shapeGroup) {
	for _, cell := range d.shapes.Cells {
		groups = append(groups, shapeGroup{cell, func(e *example) bool { return e.model.Spec.Layers[0].Cell == cell }})
	}
	return groups
}

// sizeGroups are the narrowest and the widest.
func (d *dataset) sizeGroups() (groups []shapeGroup) {
	names := [2]string{"narrowest", "widest"}
	for i, hidden := range d.shapes.Hidden {
		groups = append(groups, shapeGroup{names[i], func(e *example) bool { return e.model.Spec.Layers[0].Hidden == hidden }})
	}
	return groups
}

// calibrateUnseen sets the intervals for RNNs of cells or sizes that training did
// not see. Each cell of the zoo in turn, the least width and the greatest are left
// out of a training that is like the bundle's, but has no emulator; intervals are
// made of the errors on what was left out. Bundles of one shape have no such
// intervals.
func calibrateUnseen(ctx context.Context, b *encoders.Bundle, d *dataset, c EncoderConfig) error {
	if _, ok := b.Encoder.(encoders.Featured); !ok || d.shapes == nil {
		return nil
	}
	cells, sizes := d.cellGroups(), d.sizeGroups()
	groups := append(cells, sizes...)
	found, failed := make([]*encoders.Deviations, len(groups)), make([]error, len(groups))
	concurrently(c.Workers, len(groups), func(i int) {
		found[i], failed[i] = d.deviationsWithout(ctx, b, groups[i], c)
	})
	if err := errors.Join(failed...); err != nil {
		return err
	}
	cell, size := together(found[:len(cells)]), together(found[len(cells):])
	if cell != nil && size != nil {
		b.Manifest.Calibration.Unseen = &encoders.UnseenCalibration{Cell: cell.Calibration(), Size: size.Calibration()}
	}
	return nil
}

// together joins the deviations of groups; nil if there are not two.
func together(groups []*encoders.Deviations) *encoders.Deviations {
	groups = slices.DeleteFunc(slices.Clone(groups), func(d *encoders.Deviations) bool { return d == nil })
	if len(groups) < 2 {
		return nil
	}
	all := &encoders.Deviations{}
	for _, g := range groups {
		all.Append(g)
	}
	return all
}

// deviationsWithout trains encoder and predictors without a group and returns how
// far they are from the truth there; nil if that leaves nothing to train on, or
// to ask.
func (d *dataset) deviationsWithout(ctx context.Context, b *encoders.Bundle, g shapeGroup, c EncoderConfig) (*encoders.Deviations, error) {
	var train, left []example
	for _, part := range []zoo.Part{zoo.Train, zoo.Validation} {
		for _, e := range d.parts[part] {
			if g.has(&e) {
				left = append(left, e)
			} else if part == zoo.Train {
				train = append(train, e)
			}
		}
	}
	if len(train) == 0 || len(left) == 0 {
		return nil, nil
	}
	own, err := encoders.NewBundle(b.Manifest)
	if err != nil {
		return nil, err
	}
	if err := trainSupervised(ctx, own, train, "without "+g.name, c); err != nil {
		return nil, err
	}
	trainPredictors(own, train, embedFeatures(own, train), c.Seed, c.predictorSteps)
	return own.Deviations(embedFeatures(own, left), truths(left)), nil
}

// embedFeatures returns the unit embeddings of snapshots whose features are known,
// [len(examples), Dim].
func embedFeatures(b *encoders.Bundle, examples []example) []float32 {
	t, e := grad.NewTape().Inference(), b.Encoder.(encoders.Featured)
	var all []float32
	for part := range slices.Chunk(examples, unseenBatch) {
		t.Reset()
		all = append(all, encodeFeatures(t, e, len(part), slices.Concat(featuresOf(part)...)).Value()...)
	}
	return all
}

// trainSupervised trains a Featured encoder with its predictors on what is known of
// the examples alone.
func trainSupervised(ctx context.Context, b *encoders.Bundle, examples []example, name string, c EncoderConfig) error {
	e, steps := b.Encoder.(encoders.Featured), c.predictorSteps/unseenShare
	e.PrepareFeatures(featuresOf(examples))
	params := append(e.Params(), b.Predictors.Params()...)
	adam, rate := optim.NewAdamW(optim.DefaultAdamW(), params), optim.WarmupCosine(unseenRate, min(steps, 100), steps, 0)
	t, f := grad.NewTape(), newPredictorBatch(b.Manifest.Predictors, unseenBatch)
	width := len(examples[0].features)
	rows := make([]float32, unseenBatch*width)
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := rng.Stream(c.Seed, name, uint64(step))
		for i := range unseenBatch {
			drawn, row := &examples[r.IntN(len(examples))], rows[i*width:(i+1)*width]
			copy(row, drawn.features)
			if blurred, ok := e.(encoders.Blurred); ok {
				blurred.Blur(r, row)
			}
			f.set(i, drawn)
		}
		t.Reset()
		t.Backward(f.loss(b.Predictors.Apply(encodeFeatures(t, e, unseenBatch, rows))))
		optim.ClipNorm(params, 1)
		adam.Step(rate(step))
	}
	return nil
}
