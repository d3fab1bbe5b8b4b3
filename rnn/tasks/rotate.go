package tasks

import "math"

// rotationSources says, for each pixel of a side x side image that is turned
// counter-clockwise by angle degrees about its centre, which pixel it shows: an
// index, or -1 outside of the image. It is PyTorch's RandomRotation of a PIL
// image with nearest interpolation: the inverse map is followed in 16.16 fixed
// point, as Pillow's affine transform does it, so that ties fall alike.
func rotationSources(side int, angle float64) []int {
	sources := make([]int, side*side)
	angle = math.Mod(angle, 360)
	if angle == 0 {
		for i := range sources {
			sources[i] = i
		}
		return sources
	}
	sin, cos := math.Sincos(-(angle * (math.Pi / 180)))
	sin, cos = round15(sin), round15(cos)
	center := float64(side) / 2
	// x in the source = cos*x + sin*y + shiftX, y = -sin*x + cos*y + shiftY.
	// The conversions keep products from being fused with sums.
	shiftX, shiftY := float64(cos*-center)+float64(sin*-center)+center, float64(-sin*-center)+float64(cos*-center)+center
	stepX, stepY := fixed(cos), fixed(-sin) // for one pixel to the right
	downX, downY := fixed(sin), fixed(cos)  // for one down
	rowX, rowY := fixed(shiftX+cos*0.5+sin*0.5), fixed(shiftY-sin*0.5+cos*0.5)
	for y := range side {
		atX, atY := rowX, rowY
		for x := range side {
			sources[y*side+x] = -1
			if sx, sy := atX>>16, atY>>16; sx >= 0 && sx < side && sy >= 0 && sy < side {
				sources[y*side+x] = sy*side + sx
			}
			atX, atY = atX+stepX, atY+stepY
		}
		rowX, rowY = rowX+downX, rowY+downY
	}
	return sources
}

// round15 rounds to 15 decimals, as Pillow does.
func round15(v float64) float64 { return math.RoundToEven(v*1e15) / 1e15 }

// fixed is v in 16.16 fixed point.
func fixed(v float64) int { return int(math.Floor(v*65536 + 0.5)) }
