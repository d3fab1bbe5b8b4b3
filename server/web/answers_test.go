package web_test

import (
	"fmt"
	"strings"
	"testing"
)

// kinds: answers of bundles of other families and of any kind are shown too: an
// angle as a dial, other numbers with their interval, families by name, and what
// is absent not at all.
func kinds(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.pick(late)
	p.awaitText(".answer", "Nearest relatives")
	for name, c := range map[string]struct {
		change string // of a real answer
		want   []string
		absent []string
		dials  float64
	}{
		"angle": {`a.predictions.task = { value: "rotation 352.5 degrees", parameters: [352.5], intervals: [[341, 364]], level: 0.9 };
			a.predictions.generalization_gap = { value: 0.0213, interval: [-0.004, 0.0461], level: 0.9, unit: "nats" };
			a.neighbours[0].task = "rotation 349.0 degrees"`,
			[]string{"Task: rotation", "353°", "341° to 4°", "rotation 349.0°", "0.021", "−0.004 to 0.046", "−0.02", "0.06", "20,000 steps"}, []string{"probability", "degrees"}, 1},
		"any angle": {`a.predictions.task = { value: "rotation 10 degrees", parameters: [10], intervals: [[-170, 190]], level: 0.9 }`,
			[]string{"10°", "or any other angle"}, nil, 1},
		"numbers": {`a.predictions.task = { value: "period 3.20 steps, noise 0.0500", parameters: [3.2, 0.05], intervals: [[3, 3.5], [0.01, 0.09]], level: 0.9 }`,
			[]string{"period 3.20 steps, noise 0.0500", "3.00 to 3.50; 0.01 to 0.09"}, []string{"probability"}, 0},
		"family": {`a.bundle = "universal/responses"; a.predictions.task = { value: "formal_languages", parameters: [2], probability: 0.987 }`,
			[]string{"formal languages", "with probability 99 %", "Read by responses of networks of every kind."}, []string{"formal_languages\n"}, 0},
		"no task": {`delete a.predictions.task; a.neighbours.forEach((n) => delete n.task)`, []string{"Accuracy", "/run-"}, []string{"Task:", "probability"}, 0},
		"nothing": {`a.predictions = {}; delete a.trust; a.neighbours = null`, []string{"A two-layer LSTM"}, []string{"Accuracy", "intervals", "relatives"}, 0},
		"no unit": {`a.predictions.generalization_gap.unit = undefined; a.predictions.generalization_gap.value = 120; a.predictions.generalization_gap.interval = [80, 410]`,
			[]string{"80.00 to 410.00", "100", "500"}, []string{"undefined"}, 0},
		"many stages": {`a.predictions.training_stage.distribution = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [i * 700, 1 / 30]))`,
			[]string{"20.3k"}, nil, 0},
	} {
		p.eval(`Promise.all([import("/app/answer.js"), fetch("/app/examples/formal_languages_r1_s20000.onnx").then((r) => r.blob()).then((b) => fetch("/v1/predict", { method: "POST", body: b, headers: { "Content-Type": "application/octet-stream" } })).then((r) => r.json())]).then(([m, a]) => {
			` + c.change + `;
			document.getElementById("answer").replaceChildren(m.answerCard("m.onnx", a, { neighbour() {}, leave() {}, pick() {} })); })`)
		text := strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(p.text(".answer"))
		for _, part := range c.want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in %q", name, part, text)
			}
		}
		for _, part := range c.absent {
			if strings.Contains(text, part) {
				t.Errorf("%s: %q is in %q", name, part, text)
			}
		}
		if n := p.eval(`document.querySelectorAll(".answer .dial").length`); n != c.dials {
			t.Errorf("%s: %v dials", name, n)
		}
		if name == "angle" {
			p.portrait("angle")
		}
	}
}

// otherBundle: a chosen bundle that does not read the model says so, and the best
// one is a click away.
func otherBundle(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.await(`document.querySelectorAll("#bundle option").length > 2`)
	p.eval(`(() => { const s = document.getElementById("bundle"); s.value = "formal_languages/interactive_probing"; s.dispatchEvent(new Event("change")); })()`)
	p.pick(wide(t))
	p.awaitText(".problem h1", "No encoder here reads a network of this shape")
	p.screenshot("another-shape")
	p.click(".problem .primary")
	p.awaitText(".answer", "Nearest relatives")
	if text := p.text(".trust"); !strings.Contains(text, "Unlike the networks of the zoo") || !strings.Contains(text, "extrapolations") {
		t.Errorf("trust says %q", text)
	}
	if p.eval(`document.getElementById("bundle").value`) != "" {
		t.Error("the bundle is still chosen")
	}
	p.portrait("other-shape")
}

// manyPoints: a map of 9,000 snapshots of several families is drawn, coloured and
// pointed at.
func manyPoints(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.await(painted)
	const families = `["formal_languages", "sequential_mnist", "adding", "parity", "copy", "noisy_sine"]`
	p.eval(`Promise.all([import("/app/map.js"), import("/app/colouring.js")]).then(([{ ZooMap }, { colouring }]) => {
		const wave = (i, k) => Math.sin(i * k) * Math.cos(i * k * 1.7);
		const members = Array.from({ length: 9000 }, (_, i) => ({ run: i % 1000, step: [0, 100, 200, 500, 1000, 2000, 5000, 10000, 20000][Math.floor(i / 1000)], accuracy: (i % 97) / 96, task: ` + families + `[i % 6],
			x: Math.floor(i / 1000) + wave(i, 1.3), y: wave(i, 0.7) + (i % 6) / 3 }));
		const old = document.getElementById("map"), root = old.cloneNode(true);
		old.replaceWith(root);
		root.querySelector(".map-message").hidden = true;
		globalThis.large = new ZooMap(root, { describe: (m) => document.createTextNode(m.task), say() {} });
		large.setMembers(members);
		globalThis.colourBy = (by) => { const c = colouring(by, members, { dark: false }); large.setColour(c.of); document.getElementById("legend").replaceChildren(c.legend); };
		colourBy("task"); })`)
	p.await(painted)
	if text := p.text("#legend"); !strings.Contains(text, "formal languages") || strings.Contains(text, "other tasks") {
		t.Errorf("legend %q", text)
	}
	p.screenshot("many-points")
	p.eval(`large.pick(4321)`)
	p.await(`!document.querySelector("#map .tip").hidden`)
	if fmt.Sprint(p.eval(`large.nearest(...large.at(large.members[4321])) !== null`)) != "true" {
		t.Error("nothing is near a point")
	}
}
