package npy

import (
	"encoding/binary"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"rnnrep/internal/half"
)

// Reader reads the elements of an array one after the other.
type Reader struct {
	DType DType
	Shape []int
	r     io.Reader
	left  int // elements that were not read yet
	chunk []byte
}

// NewReader reads the header of a file of size bytes. The array that it
// announces must fill the rest of the file exactly; nothing of its size is
// allocated.
func NewReader(r io.Reader, size int64) (*Reader, error) {
	text, at, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	a := &Reader{r: r}
	if err := a.parse(text); err != nil {
		return nil, err
	}
	body := size - at
	elements := int64(1)
	for _, n := range a.Shape {
		if n > 0 && elements > body/int64(n) {
			return nil, damaged("an array of shape %v in a file of %d bytes", a.Shape, size).Accepts("an array that fills the file")
		}
		elements *= int64(n)
	}
	if elements*int64(a.DType.width()) != body {
		return nil, damaged("an array of shape %v and type %s in a file of %d bytes", a.Shape, a.DType, size).Accepts("an array that fills the file")
	}
	a.left = int(elements)
	return a, nil
}

// readHeader returns the header's text and the offset of the first element.
func readHeader(r io.Reader, size int64) (text string, at int64, err error) {
	lead := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, lead); err != nil {
		return "", 0, damaged("no .npy file: %w", err)
	}
	length := make([]byte, 2)
	switch version := lead[len(magic)]; {
	case string(lead[:len(magic)]) != magic:
		return "", 0, damaged("no .npy file").Accepts("a file that numpy.save wrote")
	case version == 2 || version == 3:
		length = make([]byte, 4)
	case version != 1:
		return "", 0, damaged("version %d", version).Accepts("1, 2, 3")
	}
	if _, err := io.ReadFull(r, length); err != nil {
		return "", 0, damaged("header: %w", err)
	}
	n := uint32(binary.LittleEndian.Uint16(length))
	if len(length) == 4 {
		n = binary.LittleEndian.Uint32(length)
	}
	at = int64(len(lead)+len(length)) + int64(n)
	if n > maxHeader || at > size {
		return "", 0, damaged("a header of %d bytes in a file of %d", n, size).Accepts("at most %d", maxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return "", 0, damaged("header: %w", err)
	}
	return string(header), at, nil
}

var (
	descrField = regexp.MustCompile(`'descr'\s*:\s*'([<>|=]?)(\w+)'`)
	orderField = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shapeField = regexp.MustCompile(`'shape'\s*:\s*\(([0-9, ]*)\)`)
)

// parse takes type and shape from the header's text.
func (a *Reader) parse(text string) error {
	descr, order, shape := descrField.FindStringSubmatch(text), orderField.FindStringSubmatch(text), shapeField.FindStringSubmatch(text)
	if descr == nil || order == nil || shape == nil {
		return damaged("header %.200q", text).Accepts("a dictionary of descr, fortran_order and shape")
	}
	a.DType = DType(descr[2])
	if a.DType.width() == 0 || descr[1] == ">" {
		return damaged("elements of type %q", descr[1]+descr[2]).Accepts("<f2, <f4, <f8, <i2, <i4, <i8").Do("convert with numpy's astype")
	}
	for _, field := range strings.Split(shape[1], ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		n, err := strconv.Atoi(field)
		if err != nil || len(a.Shape) == maxAxes {
			return damaged("shape (%.200s)", shape[1]).Accepts("at most %d whole numbers", maxAxes)
		}
		a.Shape = append(a.Shape, n)
	}
	if order[1] == "True" && len(a.Shape) > 1 {
		return damaged("an array in Fortran order").Do("convert with numpy.ascontiguousarray")
	}
	return nil
}

// Len is the number of elements that were not read yet.
func (a *Reader) Len() int { return a.left }

// Read fills dst with the next elements. Floats are not read into integers, and
// an integer that does not fit is an error.
func Read[T Number](a *Reader, dst []T) error {
	if len(dst) > a.left {
		return damaged("%d elements are left, not %d", a.left, len(dst))
	}
	if isInteger[T]() && !a.DType.integer() {
		return damaged("elements of type %s", a.DType).Accepts("whole numbers")
	}
	width := a.DType.width()
	if a.chunk == nil {
		a.chunk = make([]byte, chunkBytes)
	}
	for len(dst) > 0 {
		n := min(len(dst), len(a.chunk)/width)
		if _, err := io.ReadFull(a.r, a.chunk[:n*width]); err != nil {
			return damaged("truncated: %w", err)
		}
		if err := decode(a.DType, dst[:n], a.chunk); err != nil {
			return err
		}
		a.left -= n
		dst = dst[n:]
	}
	return nil
}

func decode[T Number](d DType, dst []T, b []byte) error {
	order := binary.LittleEndian
	for i := range dst {
		var whole int64
		switch d {
		case Float16:
			dst[i] = T(half.To(order.Uint16(b[2*i:])))
			continue
		case Float32:
			dst[i] = T(math.Float32frombits(order.Uint32(b[4*i:])))
			continue
		case Float64:
			dst[i] = T(math.Float64frombits(order.Uint64(b[8*i:])))
			continue
		case Int16:
			whole = int64(int16(order.Uint16(b[2*i:])))
		case Int32:
			whole = int64(int32(order.Uint32(b[4*i:])))
		case Int64:
			whole = int64(order.Uint64(b[8*i:]))
		}
		dst[i] = T(whole)
		if isInteger[T]() && int64(dst[i]) != whole {
			return damaged("element %d does not fit", whole).Accepts("numbers of 32 bits")
		}
	}
	return nil
}
