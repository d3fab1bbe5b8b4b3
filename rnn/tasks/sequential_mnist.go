package tasks

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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
	return publishedRecipe([]float64{0, 0.001, 0.01, 0.1}, "accuracy", "train_loss", "validation_loss", "generalization_gap", WeightDecayMetric)
}

func (sequentialMNIST) Draw(r *rand.Rand) Task { return newRotatedDigits(float32(r.Float32() * 360)) }

func (sequentialMNIST) Parse(params []float32) (Task, error) {
	if len(params) != 1 || !(params[0] >= 0 && params[0] < 360) {
		return nil, fmt.Errorf("sequential_mnist: task %v is not [angle] with an angle from 0 to below 360", params)
	}
	return newRotatedDigits(params[0]), nil
}

// Ranges is that of the angle.
func (sequentialMNIST) Ranges() []Range {
	return []Range{{Name: "rotation", Unit: "degrees", High: 360, Circular: true}}
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

func (d *rotatedDigits) String() string { return fmt.Sprintf("rotation %.1f degrees", d.angle) }

// Batch makes a batch of n sequences of 50 steps of 16 inputs.
func (d *rotatedDigits) Batch(n int) *Batch { return newBatch(sequentialMNIST{}.IO(), digitSteps, n) }

// Fill draws images of the training part; the digit is the target at every step.
func (d *rotatedDigits) Fill(r *rand.Rand, b *Batch) {
	training := digitParts().training
	for s := range b.Size {
		d.set(b, s, training[r.IntN(len(training))])
	}
}

// set makes an image sequence s of the batch.
func (d *rotatedDigits) set(b *Batch, s, image int) {
	label := int32(mnist.Labels()[image])
	for t := range b.Steps {
		d.tile(b.Inputs[(t*b.Size+s)*tilePixels:], image, t)
		b.Targets[t*b.Size+s] = label
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

// Accuracy is Score's, on fewer images of the validation part.
func (d *rotatedDigits) Accuracy(r *rand.Rand, m Runner, samples int) float64 {
	validation := digitParts().validation
	images := make([]int, samples)
	for i := range images {
		images[i] = validation[r.IntN(len(validation))]
	}
	_, accuracy := d.measure(m, images)
	return accuracy
}

// measure returns mean loss and accuracy over images.
func (d *rotatedDigits) measure(m Runner, images []int) (loss, accuracy float64) {
	x := newTally(digitSteps)
	for batch := range slices.Chunk(images, scoreBatch) {
		b := d.Batch(len(batch))
		for s, image := range batch {
			d.set(b, s, image)
		}
		x.add(m, b, sequentialMNIST{}.IO())
	}
	return x.mean(0, digitSteps), x.accuracy(digitSteps-1, digitSteps)
}

// Rollouts shows the RNN images of the training part and keeps its logits.
func (d *rotatedDigits) Rollouts(r *rand.Rand, m Runner, count int) Rollouts {
	return show(d, sequentialMNIST{}.IO(), r, m, count)
}
