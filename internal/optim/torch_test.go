package optim_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"rnnrep/internal/grad"
	"rnnrep/internal/optim"
)

// fixture is testdata/torch.json.
type fixture struct {
	Torch string
	AdamW []struct {
		Name    string
		Start   [][]float32
		Options struct {
			WeightDecay *float64 `json:"weight_decay"`
			Betas       []float64
			Eps         *float64
		}
		Steps []struct {
			Rate              float64
			Gradients, Values [][]float32
		}
	}
	Clip []struct {
		Name               string
		Limit, Norm        float64
		Gradients, Clipped [][]float32
	}
}

func readFixture(t *testing.T) (f fixture) {
	t.Helper()
	b, err := os.ReadFile("testdata/torch.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &f); err != nil || f.Torch == "" {
		t.Fatalf("fixture made by PyTorch %q: %v", f.Torch, err)
	}
	return f
}

// parameters makes one parameter of each list of values.
func parameters(values [][]float32) (ps []*grad.Param) {
	for _, v := range values {
		p := grad.NewParam("p", 1, len(v))
		copy(p.Value, v)
		ps = append(ps, p)
	}
	return ps
}

func setGradients(ps []*grad.Param, gradients [][]float32) {
	for i, g := range gradients {
		copy(ps[i].Grad, g)
	}
}

func TestAdamWAgainstTorch(t *testing.T) {
	for _, c := range readFixture(t).AdamW {
		t.Run(c.Name, func(t *testing.T) {
			config := optim.DefaultAdamW()
			if o := c.Options; o.WeightDecay != nil {
				config.WeightDecay = *o.WeightDecay
			}
			if c.Options.Betas != nil {
				config.Beta1, config.Beta2 = c.Options.Betas[0], c.Options.Betas[1]
			}
			if c.Options.Eps != nil {
				config.Epsilon = *c.Options.Eps
			}
			ps := parameters(c.Start)
			adam := optim.NewAdamW(config, ps)
			worst := 0.0
			for n, s := range c.Steps {
				setGradients(ps, s.Gradients)
				adam.Step(s.Rate)
				for i, want := range s.Values {
					for j, w := range want {
						e := math.Abs(float64(ps[i].Value[j]) - float64(w))
						worst = max(worst, e)
						if !(e <= 1e-6*max(1, math.Abs(float64(w)))) {
							t.Fatalf("step %d: parameter %d element %d is %v, want %v", n, i, j, ps[i].Value[j], w)
						}
					}
					for _, g := range ps[i].Grad {
						if g != 0 {
							t.Fatalf("step %d left a gradient", n)
						}
					}
				}
			}
			t.Logf("greatest error in %d steps: %.2g", len(c.Steps), worst)
		})
	}
}

func TestClipNormAgainstTorch(t *testing.T) {
	for _, c := range readFixture(t).Clip {
		t.Run(c.Name, func(t *testing.T) {
			ps := parameters(c.Gradients)
			setGradients(ps, c.Gradients)
			if norm := optim.ClipNorm(ps, c.Limit); math.Abs(norm-c.Norm) > 1e-6*c.Norm {
				t.Errorf("norm %v, want %v", norm, c.Norm)
			}
			for i, want := range c.Clipped {
				for j, w := range want {
					if e := math.Abs(float64(ps[i].Grad[j]) - float64(w)); !(e <= 1e-6*math.Abs(float64(w))) {
						t.Errorf("gradient %d element %d is %v, want %v", i, j, ps[i].Grad[j], w)
					}
				}
			}
		})
	}
}
