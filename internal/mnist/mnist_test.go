package mnist

import (
	"crypto/md5"
	"fmt"
	"slices"
	"testing"
)

// TestFiles: the embedded files are those that the authors published.
func TestFiles(t *testing.T) {
	for want, file := range map[string][]byte{"f68b3c2dcbeaaa9fbdd348bbdeb94873": imageFile, "d53e105ee54ea40749a09fcbcd1e9432": labelFile} {
		if got := fmt.Sprintf("%x", md5.Sum(file)); got != want {
			t.Errorf("MD5 %s, published %s", got, want)
		}
	}
}

// TestImages: the well-known beginning and digit counts of the training set, and
// its mean and standard deviation, 0.1307 and 0.3081.
func TestImages(t *testing.T) {
	images, labels := Images(), Labels()
	if len(images) != 60000*784 || len(labels) != 60000 {
		t.Fatalf("%d pixels, %d labels", len(images), len(labels))
	}
	if got := labels[:10]; !slices.Equal(got, []byte{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}) {
		t.Errorf("the first digits are %v", got)
	}
	var counts [Digits]int
	for _, l := range labels {
		counts[l]++
	}
	if counts != [Digits]int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949} {
		t.Errorf("counts of the digits: %v", counts)
	}
	var sum, square float64
	for _, p := range images {
		v := float64(p) / 255
		sum += v
		square += v * v
	}
	n := float64(len(images))
	mean := sum / n
	if variance := square/n - mean*mean; fmt.Sprintf("%.4f %.4f", mean, variance) != "0.1307 0.0949" {
		t.Errorf("mean %v, variance %v", mean, variance)
	}
}

func TestReadRefuses(t *testing.T) {
	for what, err := range map[string]error{
		"another shape": second(read(labelFile, Count, 1)),
		"too short":     second(read(labelFile[:1000], Count)),
		"too long":      second(read(labelFile, Count-1)),
		"no gzip":       second(read([]byte("digits"), Count)),
		"empty":         second(read(nil, Count)),
		"damaged":       second(read(slices.Concat(labelFile[:20000], []byte{1, 2, 3}, labelFile[20003:]), Count)),
	} {
		if err == nil {
			t.Errorf("%s: read", what)
		}
	}
}

func second(_ []byte, err error) error { return err }
