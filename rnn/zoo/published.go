package zoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rnnrep/internal/errs"
	"rnnrep/internal/npy"
	"rnnrep/rnn"
)

// The layout in which the paper's generators store a zoo: a folder of .npy
// arrays with one row a snapshot, the snapshots of a run after each other:
//
//	parameters.npy   float32 [n, parameters], in the order of rnn.Spec.Layout
//	sequences.npy    int16 [n, count, length] tokens, or float16 [n, count, length, inputs]
//	logits.npy       float16 [n, count, length-1, outputs] for tokens, [n, count, length, outputs] otherwise
//	tasks.npy        the task's parameters, [n, parameters]
//	args.json        the generator's arguments
//
// and a family's labels, see publishedFamilies.
const (
	parametersArray = "parameters"
	sequencesArray  = "sequences"
	logitsArray     = "logits"
	tasksArray      = "tasks"
	argsFile        = "args.json"
)

// publishedFamily says how the labels of one family are stored.
type publishedFamily struct {
	name    string
	labels  string    // int64 [n, 2 or 3]: run, step and, if counted is set, accepted strings
	counted string    // metric of accepted strings, as a share of publishedStrings
	scores  string    // float64 [n, len(columns)], or ""
	columns []string  // metrics
	tasks   npy.DType // of tasks.npy
	tokens  bool
	// exact is the metric that keeps the task's parameter where float32 rounds it, or "".
	exact string
}

const publishedStrings = 1000

var publishedFamilies = []publishedFamily{
	{name: "formal_languages", labels: "num_step_correct", counted: "accuracy_counts", tasks: npy.Int64, tokens: true},
	{name: "sequential_mnist", labels: "num_step", scores: "accuracy_losses", tasks: npy.Float64, exact: "angle",
		columns: []string{"accuracy", "train_loss", "validation_loss", "weight_decay"}},
}

// sourceKey of Header.Recipe tells that a zoo was imported; argsKey keeps args.json.
const (
	sourceKey       = "source"
	argsKey         = "args"
	publishedSource = "published .npy layout"
)

// PublishedReader reads a zoo in the published layout run by run.
type PublishedReader struct {
	// Header describes the zoo that the runs make. Its metrics are those that
	// the layout has; more may be measured and appended.
	Header Header
	Runs   int // numbered from 0 in their order
	// LogitSteps is the number of steps that have logits: RolloutLength, or one
	// less, since none are stored after a last token.
	LogitSteps int

	dir    string
	family publishedFamily
	labels []int64 // [n, columns]
	arrays map[string]*array
	next   int // run
}

// array is an open .npy file.
type array struct {
	*npy.Reader
	file *os.File
}

// row is the number of elements of one snapshot.
func (a *array) row() int {
	n := 1
	for _, d := range a.Shape[1:] {
		n *= d
	}
	return n
}

// OpenPublished opens the arrays of a folder and compares their shapes.
func OpenPublished(dir string) (_ *PublishedReader, err error) {
	r := &PublishedReader{dir: dir, arrays: map[string]*array{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if r.family, err = findFamily(dir); err != nil {
		return nil, err
	}
	if err := r.openArrays(); err != nil {
		return nil, err
	}
	if err := r.describe(); err != nil {
		return nil, err
	}
	if err := r.readLabels(); err != nil {
		return nil, err
	}
	return r, r.Header.validate(dir)
}

// findFamily tells the family from the arrays that are there.
func findFamily(dir string) (publishedFamily, error) {
	var known []string
	for _, f := range publishedFamilies {
		if _, err := os.Stat(filepath.Join(dir, f.labels+".npy")); err == nil {
			return f, nil
		}
		known = append(known, f.labels+".npy")
	}
	return publishedFamily{}, errs.New(errs.Damaged, "%s is no zoo in the published layout", dir).
		Accepts("a folder with %s and the other arrays", strings.Join(known, " or "))
}

// openArrays opens every array; all must have the same number of rows.
func (r *PublishedReader) openArrays() error {
	axes := map[string]int{parametersArray: 2, tasksArray: 2, sequencesArray: 4, logitsArray: 4, r.family.labels: 2}
	if r.family.tokens {
		axes[sequencesArray] = 3
	}
	if r.family.scores != "" {
		axes[r.family.scores] = 2
	}
	rows := -1
	for _, name := range slices.Sorted(maps.Keys(axes)) {
		a, err := openArray(r.path(name))
		if err != nil {
			return fmt.Errorf("%s: %w", r.path(name), err)
		}
		r.arrays[name] = a
		if len(a.Shape) != axes[name] || slices.Contains(a.Shape, 0) {
			return r.damaged(name, "an array of shape %v", a.Shape).Accepts("%d axes of 1 or more", axes[name])
		}
		if rows >= 0 && a.Shape[0] != rows {
			return r.damaged(name, "%d snapshots, the other arrays have %d", a.Shape[0], rows)
		}
		rows = a.Shape[0]
	}
	return nil
}

func openArray(file string) (*array, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	a, err := npy.NewReader(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &array{a, f}, nil
}

func (r *PublishedReader) path(array string) string { return filepath.Join(r.dir, array+".npy") }

func (r *PublishedReader) damaged(array, format string, args ...any) *errs.Error {
	return errs.New(errs.Damaged, "%s: "+format, append([]any{r.path(array)}, args...)...)
}

// publishedArgs are the generator's arguments that matter here.
type publishedArgs struct {
	Seed   int64 `json:"seed"`
	Hidden int   `json:"rnn_hidden_size"`
	Layers int   `json:"rnn_num_layers"`
	OneHot *int  `json:"one_hot_input"`
}

// describe fills the header from the shapes and args.json.
func (r *PublishedReader) describe() error {
	args := publishedArgs{Hidden: 32, Layers: 2} // the generators' defaults
	file := filepath.Join(r.dir, argsFile)
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(text, &args); err != nil {
			return errs.New(errs.Damaged, "%s: %w", file, err)
		}
	}
	if args.OneHot != nil && *args.OneHot == 0 {
		return errs.New(errs.Damaged, "%s: RNNs that read tokens as single numbers", file).Accepts("one_hot_input 1")
	}
	sequences, logits := r.arrays[sequencesArray].Shape, r.arrays[logitsArray].Shape
	h := &r.Header
	h.Family, h.Seed = r.family.name, uint64(max(args.Seed, 0))
	h.RolloutCount, h.RolloutLength, h.Outputs = sequences[1], sequences[2], logits[3]
	r.LogitSteps = h.RolloutLength
	inputs := h.Outputs
	if r.family.tokens {
		r.LogitSteps--
	} else {
		inputs = sequences[3]
		h.Inputs = inputs
	}
	if logits[1] != h.RolloutCount || logits[2] != r.LogitSteps {
		return r.damaged(logitsArray, "an array of shape %v for sequences of shape %v", logits, sequences)
	}
	if args.Layers < 1 || args.Layers > rnn.MaxLayers {
		return errs.New(errs.Damaged, "%s: %d layers", file, args.Layers).Accepts("1 to %d", rnn.MaxLayers)
	}
	h.Spec = rnn.Uniform("lstm", inputs, args.Hidden, args.Layers, h.Outputs)
	if err := h.Spec.Validate(); err != nil {
		return errs.New(errs.Damaged, "%s: %w", file, err)
	}
	if n := r.arrays[parametersArray].row(); n != h.Spec.Parameters() {
		return r.damaged(parametersArray, "%d parameters, %s has %d", n, h.Spec, h.Spec.Parameters()).Do("put the generator's %s beside the arrays", argsFile)
	}
	h.Recipe = map[string]string{sourceKey: publishedSource}
	if text != nil {
		h.Recipe[argsKey] = string(text)
	}
	return nil
}

// readLabels reads runs and steps and checks that every run has the snapshots
// of the first.
func (r *PublishedReader) readLabels() error {
	a := r.arrays[r.family.labels]
	columns := 2
	if r.family.counted != "" {
		columns = 3
		r.Header.Metrics = append(r.Header.Metrics, r.family.counted)
	}
	if a.Shape[1] != columns {
		return r.damaged(r.family.labels, "%d columns", a.Shape[1]).Accepts("%d", columns)
	}
	if s := r.arrays[r.family.scores]; s != nil && s.Shape[1] != len(r.family.columns) {
		return r.damaged(r.family.scores, "%d columns", s.Shape[1]).Accepts("%v", r.family.columns)
	}
	r.Header.Metrics = append(r.Header.Metrics, r.family.columns...)
	if r.family.exact != "" {
		r.Header.Metrics = append(r.Header.Metrics, r.family.exact)
	}
	r.labels = make([]int64, a.Len())
	if err := npy.Read(a.Reader, r.labels); err != nil {
		return fmt.Errorf("%s: %w", r.path(r.family.labels), err)
	}
	step := func(row int) int { return int(r.labels[row*columns+1]) }
	rows := a.Shape[0]
	n := 1
	for n < rows && step(n) > step(n-1) {
		n++
	}
	for i := range n {
		r.Header.Steps = append(r.Header.Steps, step(i))
	}
	for i := range rows {
		if step(i) != r.Header.Steps[i%n] || rows%n != 0 {
			return r.damaged(r.family.labels, "row %d is of step %d, the first run has steps %v", i, step(i), r.Header.Steps).
				Accepts("runs of the same steps, each whole")
		}
	}
	r.Runs = rows / n
	return nil
}

// Next returns the next run, and io.EOF after the last. Its logits are those of
// LogitSteps steps; its metrics those of Header.
func (r *PublishedReader) Next() (*Run, error) {
	if r.next == r.Runs {
		return nil, io.EOF
	}
	run := &Run{Index: r.next}
	for i, step := range r.Header.Steps {
		s := Snapshot{Step: step}
		row := r.next*len(r.Header.Steps) + i
		task, err := r.readRow(&s, row)
		if err != nil {
			return nil, err
		}
		if i > 0 && !slices.Equal(task, run.Task) {
			return nil, r.damaged(tasksArray, "row %d is of another task than the row before, of the same run", row)
		}
		run.Task = task
		run.Snapshots = append(run.Snapshots, s)
	}
	r.next++
	return run, nil
}

func (r *PublishedReader) readRow(s *Snapshot, row int) (task []float32, err error) {
	if s.Weights, err = readRow[float32](r, parametersArray); err != nil {
		return nil, err
	}
	if s.Logits, err = readRow[float32](r, logitsArray); err != nil {
		return nil, err
	}
	if r.family.tokens {
		s.Tokens, err = r.readTokens()
	} else {
		s.Inputs, err = readRow[float32](r, sequencesArray)
	}
	if err != nil {
		return nil, err
	}
	if r.family.counted != "" {
		s.Metrics = append(s.Metrics, float64(r.labels[3*row+2])/publishedStrings)
	}
	if r.family.scores != "" {
		scores, err := readRow[float64](r, r.family.scores)
		if err != nil {
			return nil, err
		}
		s.Metrics = append(s.Metrics, scores...)
	}
	params, err := readRow[float64](r, tasksArray)
	if err != nil {
		return nil, err
	}
	if r.family.exact != "" {
		s.Metrics = append(s.Metrics, params[0])
	}
	for _, p := range params {
		task = append(task, float32(p))
	}
	return task, nil
}

func readRow[T npy.Number](r *PublishedReader, name string) ([]T, error) {
	a := r.arrays[name]
	values := make([]T, a.row())
	if err := npy.Read(a.Reader, values); err != nil {
		return nil, fmt.Errorf("%s: %w", r.path(name), err)
	}
	return values, nil
}

// The markers are the last two tokens. The published generator overwrites the
// begin marker of a string that has no end by an end marker, after the RNN has
// read the begin marker.
func markers(vocabulary int) (begin, end int32) {
	return int32(vocabulary - 2), int32(vocabulary - 1)
}

// readTokens reads the sequences of a snapshot and restores begin markers.
func (r *PublishedReader) readTokens() ([]int32, error) {
	tokens, err := readRow[int32](r, sequencesArray)
	if err != nil {
		return nil, err
	}
	vocabulary := r.Header.Outputs
	begin, end := markers(vocabulary)
	for i, t := range tokens {
		if t < 0 || int(t) >= vocabulary {
			return nil, r.damaged(sequencesArray, "token %d", t).Accepts("0 to %d", vocabulary-1)
		}
		if i%r.Header.RolloutLength == 0 && t == end {
			tokens[i] = begin
		}
	}
	return tokens, nil
}

// Close closes the files.
func (r *PublishedReader) Close() (err error) {
	for _, a := range r.arrays {
		err = errors.Join(err, a.file.Close())
	}
	return err
}
