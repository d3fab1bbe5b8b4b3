package training

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"rnnrep/encoders"
	"rnnrep/rnn/zoo"
)

// Ridge regression on the layer statistics: the baseline that a learned encoder
// has to beat. Classes are regressed on as 0 and 1.

const (
	ridgeFolds     = 5
	smallestSpread = 1e-6 // of a feature
)

// ridgePenalties are tried, each group of targets has its own.
var ridgePenalties = []float64{1, 10, 100, 1000, 10000}

// ridgeAnswers fits the regression to the training part and answers for all.
func ridgeAnswers(d *dataset) (partAnswers, error) {
	c := newTargetColumns(d)
	train := d.parts[zoo.Train]
	x, y := standardized(nil, train), mat.NewDense(len(train), len(c.names), nil)
	for i := range train {
		y.SetRow(i, c.row(&train[i]))
	}
	means := columnMeans(y)
	y.Apply(func(_, j int, v float64) float64 { return v - means[j] }, y)
	w, err := fitRidge(x.values, y, c.groups, folds(train))
	if err != nil {
		return nil, err
	}
	all := partAnswers{}
	for _, part := range parts {
		all[part] = d.unanswered(part)
		var p mat.Dense
		p.Mul(standardized(x, d.parts[part]).values, w)
		for i := range all[part] {
			row := mat.Row(nil, i, &p)
			for j := range row {
				row[j] += means[j]
			}
			c.answer(&all[part][i], row)
		}
	}
	return all, nil
}

// features are the layer statistics of snapshots, scaled to zero mean and unit
// spread over the training part.
type features struct {
	values        *mat.Dense // [snapshots, statistics]
	means, spread []float64
}

// standardized scales by those of another part, or by its own.
func standardized(by *features, examples []example) *features {
	n := len(encoders.StatisticsNames())
	f := &features{values: mat.NewDense(len(examples), n, nil)}
	for i, v := range encoders.Statistics(models(examples)) {
		f.values.Set(i/n, i%n, float64(v))
	}
	if by == nil {
		f.means, f.spread = columnMeans(f.values), make([]float64, n)
		for j := range n {
			for i := range examples {
				d := f.values.At(i, j) - f.means[j]
				f.spread[j] += d * d / float64(len(examples))
			}
			f.spread[j] = max(math.Sqrt(f.spread[j]), smallestSpread)
		}
		by = f
	}
	f.values.Apply(func(_, j int, v float64) float64 { return (v - by.means[j]) / by.spread[j] }, f.values)
	return f
}

func columnMeans(m *mat.Dense) []float64 {
	rows, cols := m.Dims()
	means := make([]float64, cols)
	for i := range rows {
		for j := range cols {
			means[j] += m.At(i, j) / float64(rows)
		}
	}
	return means
}

// folds puts the snapshots of a task into one fold.
func folds(examples []example) []int {
	byTask, fold := map[zoo.TaskKey]int{}, make([]int, len(examples))
	for i, e := range examples {
		key := zoo.Key(e.truth.Task)
		if _, ok := byTask[key]; !ok {
			byTask[key] = len(byTask) % ridgeFolds
		}
		fold[i] = byTask[key]
	}
	return fold
}

// normalEquations of a least-squares problem.
type normalEquations struct {
	gram    *mat.SymDense // [features, features]
	product *mat.Dense    // [features, targets]
}

func newNormalEquations(x, y *mat.Dense, rows []int) normalEquations {
	_, features := x.Dims()
	_, targets := y.Dims()
	e := normalEquations{mat.NewSymDense(features, nil), mat.NewDense(features, targets, nil)}
	for _, i := range rows {
		e.gram.SymRankOne(e.gram, 1, x.RowView(i))
		e.product.RankOne(e.product, 1, x.RowView(i), y.RowView(i))
	}
	return e
}

// plus adds factor times other equations.
func (e normalEquations) plus(factor float64, o normalEquations) normalEquations {
	gram, product := mat.NewSymDense(e.gram.SymmetricDim(), nil), new(mat.Dense)
	gram.ScaleSym(factor, o.gram)
	gram.AddSym(gram, e.gram)
	product.Scale(factor, o.product)
	product.Add(product, e.product)
	return normalEquations{gram, product}
}

// solve returns the weights, [features, targets], under a penalty.
func (e normalEquations) solve(penalty float64) (*mat.Dense, error) {
	n := e.gram.SymmetricDim()
	penalized := mat.NewSymDense(n, nil)
	penalized.CopySym(e.gram)
	for i := range n {
		penalized.SetSym(i, i, e.gram.At(i, i)+penalty)
	}
	var c mat.Cholesky
	if !c.Factorize(penalized) {
		return nil, errors.New("ridge regression: the layer statistics are not finite")
	}
	var w mat.Dense
	err := c.SolveTo(&w, e.product)
	return &w, err
}

// fitRidge returns the weights, [features, targets], for the penalty of each group
// of targets that does best on the folds.
func fitRidge(x, y *mat.Dense, groups [][2]int, fold []int) (*mat.Dense, error) {
	rows := make([][]int, ridgeFolds)
	for i, f := range fold {
		rows[f] = append(rows[f], i)
	}
	equations := make([]normalEquations, ridgeFolds)
	all := newNormalEquations(x, y, nil)
	for f, of := range rows {
		equations[f] = newNormalEquations(x, y, of)
		all = all.plus(1, equations[f])
	}
	var weights *mat.Dense
	least := slices.Repeat([]float64{math.Inf(1)}, len(groups))
	for _, penalty := range ridgePenalties {
		squares := make([]float64, len(groups))
		for f, of := range rows {
			w, err := all.plus(-1, equations[f]).solve(penalty)
			if err != nil {
				return nil, err
			}
			addSquares(squares, x, y, w, of, groups)
		}
		w, err := all.solve(penalty)
		if err != nil {
			return nil, err
		}
		if weights == nil {
			weights = mat.DenseCopyOf(w)
		}
		for g, cols := range groups {
			if squares[g] < least[g] {
				least[g] = squares[g]
				for j := cols[0]; j < cols[1]; j++ {
					weights.SetCol(j, mat.Col(nil, j, w))
				}
			}
		}
	}
	return weights, nil
}

// addSquares adds the square errors of some rows to the sums of the groups.
func addSquares(sums []float64, x, y, w *mat.Dense, rows []int, groups [][2]int) {
	for _, i := range rows {
		var p mat.VecDense
		p.MulVec(w.T(), x.RowView(i))
		for g, cols := range groups {
			for j := cols[0]; j < cols[1]; j++ {
				d := p.AtVec(j) - y.At(i, j)
				sums[g] += d * d
			}
		}
	}
}
