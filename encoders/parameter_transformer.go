package encoders

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	"rnnrep/internal/grad"
	"rnnrep/internal/nn"
	"rnnrep/rnn"
)

func init() { register("parameter_transformer", newParameterTransformer) }

// parameterTransformer is a transformer whose tokens are the rows of the weight
// matrices, each with its bias, at learned positions; one more token collects
// the embedding (paper, section 4). That hidden units may stand in any order, it
// learns from permuted copies.
type parameterTransformer struct {
	permuting
	*scaling
	options   transformerOptions
	groups    []tokenGroup
	positions *grad.Param // [tokens, width]; the first is the collecting token itself
	layers    []*nn.TransformerLayer
	norm      *nn.LayerNorm
	embed     *nn.Linear
}

type transformerOptions struct {
	// Tokens says what a token holds: "row", one row of one matrix, that is one
	// gate's weights of a unit from below or from its own layer; or "unit", all
	// weights into one hidden unit or output, which makes 7 times fewer tokens.
	Tokens      string `json:"tokens"`
	Width       int    `json:"width"`
	Layers      int    `json:"layers"`
	Heads       int    `json:"heads"`
	FeedForward int    `json:"feed_forward"`
}

func newParameterTransformer(c Config, r *rand.Rand) (Encoder, error) {
	o, err := options(c, transformerOptions{Tokens: "row", Width: 128, Layers: 6, Heads: 4, FeedForward: 512})
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(checkPlain(c), checkOneShape(c), checkSizes(c.Kind, o.Width, o.Layers, o.Heads, o.FeedForward)); err != nil {
		return nil, err
	}
	if o.Width%o.Heads != 0 {
		return nil, fmt.Errorf("%s: a width of %d cannot be shared by %d heads", c.Kind, o.Width, o.Heads)
	}
	groups, err := tokenGroups(c.Spec, o.Tokens)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Kind, err)
	}
	tokens, weights := 1, o.Layers*(4*o.Width*o.Width+2*o.Width*o.FeedForward)
	for _, g := range groups {
		tokens += g.count
		weights += (g.size + 1) * o.Width
	}
	if err := checkWeights(c.Kind, weights+tokens*o.Width); err != nil {
		return nil, err
	}
	e := &parameterTransformer{scaling: newScaling(c.Spec), options: o, groups: groups, positions: grad.NewParam("positions", tokens, o.Width)}
	for i := range e.positions.Value {
		e.positions.Value[i] = float32(r.NormFloat64() * positionSpread)
	}
	for i := range groups {
		groups[i].enter = nn.NewLinear("tokens."+groups[i].name, groups[i].size, o.Width, r)
	}
	for i := range o.Layers {
		e.layers = append(e.layers, nn.NewTransformerLayer(fmt.Sprintf("layer.%d", i), o.Width, o.Heads, o.FeedForward, r))
	}
	e.norm, e.embed = nn.NewLayerNorm("norm", o.Width), nn.NewLinear("embed", o.Width, c.Dim, r)
	return e, nil
}

// positionSpread is the standard deviation of initial positions: less than the
// tokens' own, enough to tell them apart from the first step on.
const positionSpread = 0.3

// Params lists the scaling too.
func (e *parameterTransformer) Params() []*grad.Param {
	ps := append(e.params(), e.positions)
	for _, g := range e.groups {
		ps = append(ps, g.enter.Params()...)
	}
	for _, l := range e.layers {
		ps = append(ps, l.Params()...)
	}
	return append(append(ps, e.norm.Params()...), e.embed.Params()...)
}

// Accepts RNNs of the zoo's own spec.
func (e *parameterTransformer) Accepts() Acceptance {
	return Acceptance{Exact: true, TrainedOn: e.spec}
}

// Encode reads the embedding from the collecting token.
func (e *parameterTransformer) Encode(t *grad.Tape, p *rnn.Population) grad.Var {
	weights, width := e.weights(t, p), e.options.Width
	tokens := []grad.Var{t.Zeros(p.Models, width)}
	for _, g := range e.groups {
		tokens = append(tokens, grad.Reshape(g.enter.Apply(g.rows(weights)), p.Models, g.count*width))
	}
	length := e.positions.Rows
	x := grad.Reshape(concatAll(tokens), p.Models*length, width)
	x = grad.AddRepeated(x, t.Param(e.positions), p.Models, length)
	for _, l := range e.layers {
		x = l.Apply(x, length)
	}
	x = grad.Slice(grad.Reshape(x, p.Models, length*width), 0, width)
	return e.embed.Apply(e.norm.Apply(x))
}

// tokenGroup is tokens of one size: parts of the weights, side by side.
type tokenGroup struct {
	name  string
	count int
	size  int
	parts []tokenPart
	enter *nn.Linear
}

// tokenPart is a matrix of [count, columns] within Model.Weights.
type tokenPart struct{ offset, columns int }

// rows returns the group's tokens, [N*count, size], of weights [N, all].
func (g *tokenGroup) rows(weights grad.Var) grad.Var {
	var parts []grad.Var
	for _, p := range g.parts {
		parts = append(parts, grad.Reshape(grad.Slice(weights, p.offset, g.count*p.columns), weights.Rows()*g.count, p.columns))
	}
	return concatAll(parts)
}

// add appends a part to the tokens.
func (g *tokenGroup) add(offset, columns int) {
	g.parts = append(g.parts, tokenPart{offset, columns})
	g.size += columns
}

// tokenGroups cuts a plain spec's weights into tokens.
func tokenGroups(s rnn.Spec, tokens string) (groups []tokenGroup, err error) {
	slots := s.Layout()
	for i, l := range s.Layers {
		own, gates := slots[4*i:4*i+4], gateCount(l)
		switch tokens {
		case "row":
			for j, kind := range []string{"ih", "hh"} {
				g := tokenGroup{name: fmt.Sprintf("%s_l%d", kind, i), count: gates * l.Hidden}
				g.add(own[j].Offset, own[j].Shape[1])
				g.add(own[j+2].Offset, 1)
				groups = append(groups, g)
			}
		case "unit":
			g := tokenGroup{name: fmt.Sprintf("l%d", i), count: l.Hidden}
			for _, slot := range own {
				columns := slot.Size() / (gates * l.Hidden)
				for gate := range gates {
					g.add(slot.Offset+gate*l.Hidden*columns, columns)
				}
			}
			groups = append(groups, g)
		default:
			return nil, fmt.Errorf("tokens are %q; row and unit are known", tokens)
		}
	}
	if s.Outputs > 0 {
		readout := slots[4*len(s.Layers):]
		g := tokenGroup{name: "linear", count: s.Outputs}
		g.add(readout[0].Offset, s.Width())
		g.add(readout[1].Offset, 1)
		groups = append(groups, g)
	}
	return groups, nil
}
