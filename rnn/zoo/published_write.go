package zoo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"rnnrep/internal/atomicfile"
	"rnnrep/internal/errs"
	"rnnrep/internal/npy"
	"rnnrep/rnn"
)

// publishedWriter writes the arrays of a zoo in the published layout.
type publishedWriter struct {
	zoo    *Zoo
	family publishedFamily
	files  []*atomicfile.File
	close  []func() error // in order: an array is whole, its buffer is flushed
	arrays map[string]*npy.Writer
}

// ExportPublished writes the zoo to a folder in the published layout. The
// exported zoo of an imported one has the original arrays. The folder must hold
// no other zoo in this layout; parameters.npy appears when all else is there.
func (z *Zoo) ExportPublished(dir string) (err error) {
	w := &publishedWriter{zoo: z, arrays: map[string]*npy.Writer{}}
	if err := w.check(dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			for _, f := range w.files {
				err = errors.Join(err, f.Discard())
			}
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := w.create(dir); err != nil {
		return err
	}
	for _, i := range z.Runs {
		run, err := z.Load(i)
		if err != nil {
			return err
		}
		if err := w.write(run); err != nil {
			return err
		}
	}
	for _, c := range w.close {
		if err := c(); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(filepath.Join(dir, argsFile), w.args()); err != nil {
		return err
	}
	for len(w.files) > 0 {
		last := len(w.files) - 1
		f := w.files[last]
		w.files = w.files[:last]
		if err := f.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// check tells whether the layout can hold this zoo.
func (w *publishedWriter) check(dir string) error {
	h := w.zoo.Header
	refuse := func(found, accepted string) error {
		return errs.New(errs.Damaged, "the published layout does not hold %s", found).Accepts("%s", accepted)
	}
	i := slices.IndexFunc(publishedFamilies, func(f publishedFamily) bool { return f.name == h.Family })
	if i < 0 {
		return refuse("zoos of "+h.Family, publishedFamilies[0].name+", "+publishedFamilies[1].name)
	}
	w.family = publishedFamilies[i]
	first := h.Spec.Layers[0]
	if !h.Spec.Equal(rnn.Uniform("lstm", first.Inputs, first.Hidden, len(h.Spec.Layers), h.Outputs)) {
		return refuse(h.Spec.String(), "LSTM layers of one size with a readout")
	}
	for _, m := range append([]string{w.family.counted}, w.family.columns...) {
		if m != "" && h.Metric(m) < 0 {
			return refuse(fmt.Sprintf("a zoo with the metrics %v", h.Metrics), "a zoo with "+m)
		}
	}
	if len(w.zoo.Runs) == 0 {
		return refuse("a zoo without runs", "one run or more")
	}
	if _, err := os.Stat(filepath.Join(dir, parametersArray+".npy")); err == nil {
		return errs.New(errs.Damaged, "%s holds a zoo already", dir).Do("choose another folder")
	}
	return nil
}

// create opens every array.
func (w *publishedWriter) create(dir string) error {
	h := w.zoo.Header
	first, err := w.zoo.Load(w.zoo.Runs[0])
	if err != nil {
		return err
	}
	n := len(w.zoo.Runs) * len(h.Steps)
	add := func(name string, d npy.DType, shape ...int) error {
		f, err := atomicfile.Create(filepath.Join(dir, name+".npy"))
		if err != nil {
			return err
		}
		w.files = append(w.files, f)
		buffer := bufio.NewWriter(f)
		a, err := npy.NewWriter(buffer, d, append([]int{n}, shape...)...)
		w.arrays[name] = a
		w.close = append(w.close, a.Close, buffer.Flush)
		return err
	}
	err = errors.Join(
		add(parametersArray, npy.Float32, h.Spec.Parameters()),
		add(tasksArray, w.family.tasks, len(first.Task)),
		add(logitsArray, npy.Float16, h.RolloutCount, w.logitSteps(), h.Outputs))
	if w.family.tokens {
		err = errors.Join(err, add(sequencesArray, npy.Int16, h.RolloutCount, h.RolloutLength))
	} else {
		err = errors.Join(err, add(sequencesArray, npy.Float16, h.RolloutCount, h.RolloutLength, h.Inputs))
	}
	columns := 2
	if w.family.counted != "" {
		columns = 3
	}
	err = errors.Join(err, add(w.family.labels, npy.Int64, columns))
	if w.family.scores != "" {
		err = errors.Join(err, add(w.family.scores, npy.Float64, len(w.family.columns)))
	}
	return err
}

func (w *publishedWriter) logitSteps() int {
	if w.family.tokens {
		return w.zoo.Header.RolloutLength - 1
	}
	return w.zoo.Header.RolloutLength
}

func (w *publishedWriter) write(run *Run) error {
	h := w.zoo.Header
	for _, s := range run.Snapshots {
		metric := func(name string) float64 { return s.Metrics[h.Metric(name)] }
		labels := []int64{int64(run.Index), int64(s.Step)}
		if w.family.counted != "" {
			labels = append(labels, int64(math.Round(publishedStrings*metric(w.family.counted))))
		}
		var scores []float64
		for _, c := range w.family.columns {
			scores = append(scores, metric(c))
		}
		err := errors.Join(npy.Write(w.arrays[parametersArray], s.Weights), npy.Write(w.arrays[w.family.labels], labels), w.writeTask(run.Task, metric))
		if w.family.scores != "" {
			err = errors.Join(err, npy.Write(w.arrays[w.family.scores], scores))
		}
		if w.family.tokens {
			err = errors.Join(err, npy.Write(w.arrays[sequencesArray], w.tokens(s.Tokens)))
		} else {
			err = errors.Join(err, npy.Write(w.arrays[sequencesArray], s.Inputs))
		}
		per := h.RolloutLength * h.Outputs
		for sequence := range slices.Chunk(s.Logits, per) {
			err = errors.Join(err, npy.Write(w.arrays[logitsArray], sequence[:w.logitSteps()*h.Outputs]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeTask writes the task's parameters, exactly where a metric keeps them.
func (w *publishedWriter) writeTask(params []float32, metric func(string) float64) error {
	a := w.arrays[tasksArray]
	if w.family.tasks == npy.Int64 {
		whole := make([]int64, len(params))
		for i, p := range params {
			whole[i] = int64(p)
		}
		return npy.Write(a, whole)
	}
	if w.family.exact != "" && w.zoo.Header.Metric(w.family.exact) >= 0 {
		return npy.Write(a, []float64{metric(w.family.exact)})
	}
	return npy.Write(a, params)
}

// tokens returns sequences as the published generator stores them, see markers.
func (w *publishedWriter) tokens(tokens []int32) []int32 {
	h := w.zoo.Header
	if h.Recipe[sourceKey] != publishedSource {
		return tokens
	}
	tokens = slices.Clone(tokens)
	_, end := markers(h.Outputs)
	for sequence := range slices.Chunk(tokens, h.RolloutLength) {
		if !slices.Contains(sequence, end) {
			sequence[0] = end
		}
	}
	return tokens
}

// args is the text of args.json: the imported one, or what readers need of it.
func (w *publishedWriter) args() []byte {
	h := w.zoo.Header
	if text, ok := h.Recipe[argsKey]; ok {
		return []byte(text)
	}
	text, err := json.Marshal(map[string]any{"seed": h.Seed, "num_training_runs": len(w.zoo.Runs),
		"rnn_hidden_size": h.Spec.Layers[0].Hidden, "rnn_num_layers": len(h.Spec.Layers)})
	if err != nil {
		panic(err) // numbers only
	}
	return append(text, '\n')
}
