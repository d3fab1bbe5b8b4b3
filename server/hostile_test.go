package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"rnnrep/internal/onnx"
	"rnnrep/rnn"
)

// message writes protobuf fields: byte slices and strings as such, integers as
// varints.
func message(fields ...any) (b []byte) {
	for i := 0; i < len(fields); i += 2 {
		number := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
		}
	}
	return b
}

// modelOf wraps a GraphProto in a ModelProto of opset 17.
func modelOf(graph []byte) []byte { return message(1, 8, 7, graph, 8, message(2, 17)) }

// mlp is a model without recurrence: y = Relu(x W).
func mlp() []byte {
	return onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{Name: "mlp",
		Nodes: []*onnx.Node{{OpType: "MatMul", Name: "fc", Inputs: []string{"x", "w"}, Outputs: []string{"h"}},
			{OpType: "Relu", Name: "relu", Inputs: []string{"h"}, Outputs: []string{"y"}}},
		Initializers: []*onnx.Tensor{onnx.NewFloats("w", []float32{1, 2, 3, 4}, 2, 2)},
		Inputs:       []onnx.Value{{Name: "x", Type: onnx.Float32, Dims: []int64{-1, 2}, Params: []string{"n", ""}}},
		Outputs:      []onnx.Value{{Name: "y", Type: onnx.Float32, Dims: []int64{-1, 2}, Params: []string{"n", ""}}}}})
}

type hostile struct {
	body   io.Reader
	length int64 // claimed; -1: none
	status int
	code   string
}

// hostileInputs are one of each kind; calling again makes new bodies.
func hostileInputs(t testing.TB) map[string]hostile {
	good := modelFile(t, trainedOn, 0)
	nan := bytes.Clone(good)
	copy(nan[bytes.Index(nan, floatBytes(firstWeight(trainedOn))):], []byte{0, 0, 0xc0, 0x7f})
	huge := modelOf(message(5, message(1, 1<<31, 2, 1, 8, "w", 9, "abcd")))
	hugeWeights := modelOf(message(5, message(1, 1<<15, 1, 1<<15, 2, 1, 8, "w")))
	missing := modelOf(message(5, message(1, 4, 2, 1, 8, "w", 14, 1, 13, message(1, "location", 2, "weights.bin"))))
	outside := modelOf(message(5, message(1, 4, 2, 1, 8, "w", 14, 1, 13, message(1, "location", 2, "../../etc/passwd"))))
	deep := message(1, message(4, "If"))
	for range 200 {
		deep = message(1, message(4, "If", 5, message(1, "then_branch", 20, 5, 6, deep)))
	}
	of := func(status int, code string, body []byte) hostile {
		return hostile{bytes.NewReader(body), int64(len(body)), status, code}
	}
	return map[string]hostile{
		"not ONNX":                of(422, "not_onnx", []byte(strings.Repeat("<html>", 1000))),
		"truncated":               of(422, "truncated", good[:len(good)/2]),
		"2 GiB dimension":         of(422, "shape_mismatch", huge),
		"4 GiB of weights":        of(422, "shape_mismatch", hugeWeights),
		"missing external data":   of(422, "external_data_missing", missing),
		"external data elsewhere": of(422, "external_data_refused", outside),
		"MLP":                     of(422, "no_recurrence", mlp()),
		"NaN":                     of(422, "non_finite_weights", nan),
		"deep":                    of(422, "too_deep", modelOf(deep)),
		"empty":                   of(400, "empty_input", nil),
		"1 GiB":                   {repeat(1 << 30), 1 << 30, 413, "too_large"},
		"1 GiB in chunks":         {repeat(1 << 30), -1, 413, "too_large"},
		"claims 60 MiB":           {strings.NewReader("short"), 60 << 20, 400, "bad_request"},
	}
}

// firstWeight is a weight of the first test RNN that its file holds once.
func firstWeight(s rnn.Spec) float32 { return testModel(s).Named("weight_hh_l1")[0] }

// TestHostileInputs: over a real connection each kind gets its own code and a
// sentence that says what to do, allocates little, and the next request is
// answered.
func TestHostileInputs(t *testing.T) {
	checkLeaks(t)
	t.Setenv("TMPDIR", t.TempDir())
	s := httptest.NewServer(newServer(t, nil))
	defer s.Close()
	defer s.Client().CloseIdleConnections()
	good := modelFile(t, trainedOn, 0)
	for name, in := range hostileInputs(t) {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest("POST", s.URL+"/v1/predict", in.body)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = in.length
			if name == "claims 60 MiB" { // net/http's client does not lie
				answer := raw(t, s, "POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 62914560\r\n\r\nshort")
				checkHostile(t, answer, in)
				return
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			resp, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			checkHostile(t, resp, in)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
			resp, err = s.Client().Post(s.URL+"/v1/predict", "", bytes.NewReader(good))
			if err != nil {
				t.Fatal(err)
			}
			if resp.Body.Close(); resp.StatusCode != http.StatusOK {
				t.Errorf("the next request got %d", resp.StatusCode)
			}
		})
	}
}

func checkHostile(t *testing.T, resp *http.Response, want hostile) {
	t.Helper()
	w := recorded(t, resp)
	p := checkProblem(t, w, want.status, want.code)
	if p.Hint == "" && p.Accepted == "" {
		t.Errorf("%+v does not say what to do", p)
	}
}

// TestUploadsAllocateWhatComes: what many clients claim to be going to send
// costs nothing until it comes, and large uploads wait on disk.
func TestUploadsAllocateWhatComes(t *testing.T) {
	checkLeaks(t)
	t.Setenv("TMPDIR", t.TempDir())
	s := newServer(t, nil)
	const clients = 100
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop := make(chan struct{})
	done := make(chan *httptest.ResponseRecorder, clients)
	arrived := make(chan struct{}, clients)
	for range clients {
		go func() {
			r := httptest.NewRequest("POST", "/v1/predict", io.MultiReader(repeat(1<<20), &blocked{arrived, stop}))
			r.ContentLength = 60 << 20
			done <- serve(s, r)
		}()
	}
	for range clients {
		<-arrived
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := int64(after.HeapAlloc) - int64(before.HeapAlloc); n > clients*(128<<10) {
		t.Errorf("%d uploads of 1 MiB each hold %d bytes of memory", clients, n)
	}
	close(stop)
	for range clients {
		checkProblem(t, <-done, 400, "bad_request")
	}
}

// blocked is a client that stops sending and then goes away.
type blocked struct {
	arrived chan<- struct{}
	stop    <-chan struct{}
}

func (b *blocked) Read([]byte) (int, error) {
	select {
	case b.arrived <- struct{}{}:
	default:
	}
	<-b.stop
	return 0, io.ErrUnexpectedEOF
}
