package tasks

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"rnnrep/internal/mnist"
	"rnnrep/internal/rng"
)

func init() { register(sequentialMNIST{}) }

// The published generator's sequences: a tile of zeros, then the image's 49
// tiles of 4 x 4 pixels, row by row.
const (
	tileSide     = 4
	tilesAcross  = mnist.Side / tileSide
	tilePixels   = tileSide * tileSide
	digitSteps   = 1 + tilesAcross*tilesAcross
	pixelMean    = 0.1307
	pixelSpread  = 0.3081
	scoreBatch   = 1000
	scoredImages = 12000 // of the training part
)

// sequentialMNIST is the classification of digits that are turned by an angle,
// the task's parameter.
type sequentialMNIST struct{}

func (sequentialMNIST) Name() string { return "sequential_mnist" }
func (sequentialMNIST) IO() IO {
	return IO{Inputs: tilePixels, Outputs: mnist.Digits, RealInputs: true, Length: digitSteps}
}

func (sequentialMNIST) Recipe() Recipe {
	r := formalLanguages{}.Recipe()
	r.WeightDecay = []float64{0, 0.001, 0.01, 0.1}
	r.Metrics = []string{"accuracy", "train_loss", "validation_loss", "generalization_gap", WeightDecayMetric}
	return r
}

func (sequentialMNIST) Draw(r *rand.Rand) Task { return newRotatedDigits(float32(r.Float32() * 360)) }

func (sequentialMNIST) Parse(params []float32) (Task, error) {
	if len(params) != 1 || !(params[0] >= 0 && params[0] < 360) {
		return nil, fmt.Errorf("sequential_mnist: task %v is not [angle] with an angle from 0 to below 360", params)
	}
	return newRotatedDigits(params[0]), nil
}

// Holdout is the distance from a half turn: the arc on both sides of 0 is held
// out, so that neither of its ends is told from the other by the number alone.
func (sequentialMNIST) Holdout(params []float32) float64 { return math.Abs(float64(params[0]) - 180) }

// splitKey makes the published generator's hash of an image's index.
const splitKey = 0x58a849af6cbf585a ^ 0x5ca118cb4d828a5e

// digitParts are the indices of the images for training and for validation,
// 47,998 and 12,002, and of the training images that Score reads. Those are
// drawn, once for all RNNs: MNIST's order is none to take every n-th of, since
// hands of two kinds of writers take turns in it.
var digitParts = sync.OnceValue(func() (parts struct{ training, validation, scored []int }) {
	for i := range mnist.Count {
		if (i^splitKey)%10 < 8 {
			parts.training = append(parts.training, i)
		} else {
			parts.validation = append(parts.validation, i)
		}
	}
	for _, i := range rng.Stream(0, "sequential_mnist scored", 0).Perm(len(parts.training))[:scoredImages] {
		parts.scored = append(parts.scored, parts.training[i])
	}
	return parts
})

// levels are the grey levels after the published normalisation.
var levels = func() (l [256]float32) {
	for i := range l {
		l[i] = (float32(i)/255 - pixelMean) / pixelSpread
	}
	return l
}()

// rotatedDigits is the task of one angle.
type rotatedDigits struct {
	angle   float32 // degrees counter-clockwise
	sources [mnist.Pixels]int16
}

// newRotatedDigits puts the sources of the turned pixels in the order of tiles.
func newRotatedDigits(angle float32) *rotatedDigits {
	d := &rotatedDigits{angle: angle}
	for pixel, source := range rotationSources(mnist.Side, float64(angle)) {
		y, x := pixel/mnist.Side, pixel%mnist.Side
		tile := y/tileSide*tilesAcross + x/tileSide
		d.sources[tile*tilePixels+y%tileSide*tileSide+x%tileSide] = int16(source)
	}
	return d
}

// Params returns [angle].
func (d *rotatedDigits) Params() []float32 { return []float32{d.angle} }

func (d *rotatedDigits) String() string { return fmt.Sprintf("digits turned by %.1f°", d.angle) }

// Batch makes a batch of n sequences of 50 steps of 16 inputs.
func (d *rotatedDigits) Batch(n int) *Batch {
	return &Batch{Steps: digitSteps, Size: n, Inputs: make([]float32, digitSteps*n*tilePixels), Targets: make([]int32, digitSteps*n)}
}

// Fill draws images of the training part; the digit is the target at every step.
func (d *rotatedDigits) Fill(r *rand.Rand, b *Batch) {
	training, labels := digitParts().training, mnist.Labels()
	for s := range b.Size {
		image := training[r.IntN(len(training))]
		for t := range b.Steps {
			d.tile(b.Inputs[(t*b.Size+s)*tilePixels:], image, t)
			b.Targets[t*b.Size+s] = int32(labels[image])
		}
	}
}

// tile writes what the RNN reads of an image at a step.
func (d *rotatedDigits) tile(dst []float32, image, step int) {
	dst = dst[:tilePixels]
	if step == 0 {
		clear(dst)
		return
	}
	pixels := mnist.Images()[image*mnist.Pixels : (image+1)*mnist.Pixels]
	for i, source := range d.sources[(step-1)*tilePixels : step*tilePixels] {
		level := byte(0)
		if source >= 0 {
			level = pixels[source]
		}
		dst[i] = levels[level]
	}
}

// Score reads the whole validation part, for accuracy (at the last step) and
// validation_loss, and 12,000 images of the training part, for train_loss:
// mean cross-entropies in nats over all steps. generalization_gap is
// validation_loss minus train_loss.
func (d *rotatedDigits) Score(_ *rand.Rand, m Runner) Metrics {
	parts := digitParts()
	train, _ := d.measure(m, parts.scored)
	validation, accuracy := d.measure(m, parts.validation)
	return Metrics{"accuracy": accuracy, "train_loss": train, "validation_loss": validation, "generalization_gap": validation - train}
}

// measure returns mean loss and accuracy over images.
func (d *rotatedDigits) measure(m Runner, images []int) (loss, accuracy float64) {
	inputs, logits := make([]float32, scoreBatch*tilePixels), make([]float32, scoreBatch*mnist.Digits)
	labels := mnist.Labels()
	right := 0
	for from := 0; from < len(images); from += scoreBatch {
		batch := images[from:min(from+scoreBatch, len(images))]
		m.Reset(len(batch))
		for t := range digitSteps {
			for i, image := range batch {
				d.tile(inputs[i*tilePixels:], image, t)
			}
			m.StepInputs(inputs[:len(batch)*tilePixels], logits[:len(batch)*mnist.Digits])
			for i, image := range batch {
				row, label := logits[i*mnist.Digits:(i+1)*mnist.Digits], labels[image]
				loss += logSum(row) - float64(row[label])
				if t == digitSteps-1 && argmax(row) == int(label) {
					right++
				}
			}
		}
	}
	n := float64(len(images))
	return loss / n / digitSteps, float64(right) / n
}

// Rollouts shows the RNN images of the training part, in half precision, and
// keeps its logits.
func (d *rotatedDigits) Rollouts(r *rand.Rand, m Runner, count int) Rollouts {
	out := Rollouts{Inputs: make([]float32, count*digitSteps*tilePixels), Logits: make([]float32, count*digitSteps*mnist.Digits)}
	training := digitParts().training
	for s := range count {
		image := training[r.IntN(len(training))]
		for t := range digitSteps {
			d.tile(out.Inputs[(s*digitSteps+t)*tilePixels:], image, t)
		}
	}
	out.read(m, count, digitSteps)
	return out
}
