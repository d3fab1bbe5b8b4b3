package results

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"rnnrep/internal/atomicfile"
	"rnnrep/training"
)

// figure is one that was drawn.
type figure struct{ file, title, caption string }

// Sizes of a panel.
const (
	panelWidth  = 9 * vg.Centimeter
	panelHeight = 7 * vg.Centimeter
)

// drawEvaluation draws the figures of one zoo to dir.
func drawEvaluation(e *training.Evaluation, dir, format string) (figures []figure, err error) {
	add := func(name, title, caption string, panels [][]*plot.Plot) {
		if err != nil || len(panels) == 0 {
			return
		}
		f := figure{e.Family + "-" + name + "." + format, title, caption}
		figures = append(figures, f)
		err = save(filepath.Join(dir, f.file), format, panels)
	}
	add("emulation", "emulation losses", "Emulation loss on validation tasks (filled) and held-out ones (open).", emulationPanels(e))
	add("predictions", "scores of predictions", "Scores on validation tasks (filled) and held-out ones (open).", predictionPanels(e))
	add("embeddings", "embeddings in a plane", "Embeddings of RNNs of unseen tasks in the plane of most variance, coloured by task (left) and accuracy (right).", projectionPanels(e))
	add("stages", "predicted training stages", "Predicted training stages (across) of validation snapshots by their true stage (upwards); bright: most snapshots of it.", stagePanels(e))
	add("clones", "clones", "Accuracy of the emulator given an RNN's embedding against that RNN's own, on unseen tasks.", clonePanels(e))
	return figures, err
}

// save draws rows of panels as one picture.
func save(file, format string, panels [][]*plot.Plot) error {
	rows, cols := len(panels), len(panels[0])
	canvas, err := draw.NewFormattedCanvas(vg.Length(cols)*panelWidth, vg.Length(rows)*panelHeight, format)
	if err != nil {
		return err
	}
	pad := vg.Points(6)
	tiles := draw.Tiles{Rows: rows, Cols: cols, PadX: pad, PadY: pad, PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad}
	canvases := plot.Align(panels, tiles, draw.New(canvas))
	for i, row := range panels {
		for j, p := range row {
			if p != nil {
				p.Draw(canvases[i][j])
			}
		}
	}
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	return atomicfile.Write(file, b.Bytes())
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font.Size = font.Length(10)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Size, a.Tick.Label.Font.Size = font.Length(8), font.Length(7)
	}
	return p
}

// grid puts panels into rows, the last filled up with nil.
func grid(panels []*plot.Plot, cols int) (rows [][]*plot.Plot) {
	for i := 0; i < len(panels); i += cols {
		row := make([]*plot.Plot, cols)
		copy(row, panels[i:min(i+cols, len(panels))])
		rows = append(rows, row)
	}
	return rows
}

func emulationPanels(e *training.Evaluation) [][]*plot.Plot {
	var reports []*training.Report
	for _, r := range e.Reports {
		if emulates(r) {
			reports = append(reports, r)
		}
	}
	if len(reports) == 0 {
		return nil
	}
	return grid([]*plot.Plot{scorePanel(e.Loss, emulationLoss, reports)}, 1)
}

func predictionPanels(e *training.Evaluation) [][]*plot.Plot {
	var panels []*plot.Plot
	for _, m := range downstream(e) {
		panels = append(panels, scorePanel(m.Label, m.Name, e.Reports))
	}
	return grid(panels, 2)
}

// scores are those of a metric with their intervals, one report a line.
type scores struct {
	plotter.XYs
	plotter.XErrors
}

// scorePanel draws a metric: a line for each report, the first on top.
func scorePanel(title, name string, reports []*training.Report) *plot.Plot {
	p := newPlot(title)
	var names []string
	for i := range reports {
		names = append(names, label(reports[len(reports)-1-i].Name))
	}
	for i, u := range unseen {
		var s scores
		for j := range reports {
			part := reports[len(reports)-1-j].Part(u.part)
			v := part.Scores[name]
			if !v.Defined() {
				continue
			}
			in, ok := part.Intervals[name]
			if !ok || !in[0].Defined() || !in[1].Defined() {
				in = [2]training.Score{v, v}
			}
			v = training.Score(max(float64(v), worstShown))
			in[0], in[1] = max(in[0], worstShown), max(in[1], worstShown)
			s.XYs = append(s.XYs, plotter.XY{X: float64(v), Y: float64(j) + 0.12 - 0.24*float64(i)})
			s.XErrors = append(s.XErrors, struct{ Low, High float64 }{float64(in[0] - v), float64(in[1] - v)})
		}
		if len(s.XYs) == 0 {
			continue
		}
		bars, err := plotter.NewXErrorBars(s)
		must(err)
		dots, err := plotter.NewScatter(s.XYs)
		must(err)
		dots.GlyphStyle = draw.GlyphStyle{Color: color.Black, Radius: vg.Points(3), Shape: []draw.GlyphDrawer{draw.CircleGlyph{}, draw.RingGlyph{}}[i]}
		p.Add(bars, dots)
	}
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.5, float64(len(reports))-0.5
	return p
}

// worstShown bounds what R² of predictions worse than none is drawn as.
const worstShown = -1

// must stops at an error that gonum/plot gives for data which is never there: no
// points, or points that are not finite.
func must(err error) {
	if err != nil {
		panic("results: " + err.Error())
	}
}

func projectionPanels(e *training.Evaluation) (rows [][]*plot.Plot) {
	for _, r := range e.Reports {
		if r.Projection != nil {
			hue := hues(r.Projection.Points)
			rows = append(rows, []*plot.Plot{
				projectionPanel(r, func(p training.Point) color.Color { return hue[fmt.Sprint(p.Task)] }),
				projectionPanel(r, func(p training.Point) color.Color { return ramp(p.Accuracy) })})
		}
	}
	return rows
}

func projectionPanel(r *training.Report, colour func(p training.Point) color.Color) *plot.Plot {
	p := newPlot(label(r.Name))
	points := r.Projection.Points
	xys := make(plotter.XYs, len(points))
	for i, q := range points {
		xys[i] = plotter.XY{X: q.X, Y: q.Y}
	}
	s, err := plotter.NewScatter(xys)
	must(err)
	s.GlyphStyleFunc = func(i int) draw.GlyphStyle {
		return draw.GlyphStyle{Color: colour(points[i]), Radius: vg.Points(1.6), Shape: draw.CircleGlyph{}}
	}
	p.Add(s)
	p.X.Label.Text = fmt.Sprintf("%.0f %% of the variance", 100*r.Projection.Explained[0])
	p.Y.Label.Text = fmt.Sprintf("%.0f %%", 100*r.Projection.Explained[1])
	return p
}

// hues gives every task a colour, in the order of their parameters.
func hues(points []training.Point) map[string]color.Color {
	var tasks [][]float32
	for _, p := range points {
		at, there := slices.BinarySearchFunc(tasks, p.Task, slices.Compare)
		if !there {
			tasks = slices.Insert(tasks, at, p.Task)
		}
	}
	hue := map[string]color.Color{}
	for i, t := range tasks {
		hue[fmt.Sprint(t)] = hueColour(float64(i) / float64(len(tasks)))
	}
	return hue
}

// hueColour goes round the circle of colours of equal strength.
func hueColour(turn float64) color.Color {
	channel := func(shift float64) uint8 { return uint8(128 + 110*math.Cos(2*math.Pi*(turn-shift))) }
	return color.NRGBA{channel(0), channel(1. / 3), channel(2. / 3), 255}
}

// ramp is dark for 0 and bright for 1.
func ramp(x float64) color.Color {
	m := moreland.Kindlmann()
	m.SetMax(1.15) // white is left out: it is not seen
	c, err := m.At(min(max(x, 0), 1))
	must(err)
	return c
}

func stagePanels(e *training.Evaluation) [][]*plot.Plot {
	var panels []*plot.Plot
	for _, r := range e.Reports {
		p := newPlot(label(r.Name))
		p.Add(plotter.NewHeatMap(stageGrid(r.Stages), moreland.Kindlmann().Palette(64)))
		var steps []string
		for _, s := range e.Steps {
			steps = append(steps, strings.Replace(fmt.Sprint(s), "000", "k", 1))
		}
		p.NominalX(steps...)
		p.NominalY(steps...)
		panels = append(panels, p)
	}
	return grid(panels, min(3, len(panels)))
}

// stageGrid are the counts of stages, each true stage by itself.
type stageGrid [][]int

// Dims is the number of columns and rows.
func (g stageGrid) Dims() (cols, rows int) { return len(g), len(g) }

// X is the place of a column.
func (g stageGrid) X(col int) float64 { return float64(col) }

// Y is the place of a row.
func (g stageGrid) Y(row int) float64 { return float64(row) }

// Z is the share of the true stage row that is predicted as stage col.
func (g stageGrid) Z(col, row int) float64 {
	sum := 0
	for _, n := range g[row] {
		sum += n
	}
	return float64(g[row][col]) / float64(max(sum, 1))
}

func clonePanels(e *training.Evaluation) [][]*plot.Plot {
	var panels []*plot.Plot
	for _, r := range e.Reports {
		if len(r.Clones) == 0 {
			continue
		}
		p := newPlot(label(r.Name))
		xys := make(plotter.XYs, len(r.Clones))
		for i, c := range r.Clones {
			xys[i] = plotter.XY{X: c.Accuracy, Y: c.Clone}
		}
		dots, err := plotter.NewScatter(xys)
		must(err)
		dots.GlyphStyle = draw.GlyphStyle{Color: color.Black, Radius: vg.Points(2.5), Shape: draw.CircleGlyph{}}
		equal, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
		must(err)
		equal.Dashes = []vg.Length{vg.Points(3), vg.Points(3)}
		p.Add(equal, dots)
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.02, 1.02, -0.02, 1.02
		p.X.Label.Text, p.Y.Label.Text = "accuracy of the RNN", "accuracy of its clone"
		panels = append(panels, p)
	}
	return grid(panels, min(3, len(panels)))
}
