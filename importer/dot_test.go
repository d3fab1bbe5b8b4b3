package importer

import (
	"os"
	"strings"
	"testing"
)

func TestDot(t *testing.T) {
	data, err := os.ReadFile("testdata/torch/t215_lstm_embedding.onnx")
	if err != nil {
		t.Fatal(err)
	}
	text, err := Dot(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`label="x [batch, time]"`, `label="LSTM\nnode_lstm__2"`, "style=filled", "->"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
	if _, err := Dot(data[:100], Options{}); err == nil {
		t.Error("a truncated model is drawn")
	}
}
