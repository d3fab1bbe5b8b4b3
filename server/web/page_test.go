package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rnnrep/encoders"
	"rnnrep/encoders/enctest"
	"rnnrep/exporter"
	"rnnrep/models"
	"rnnrep/rnn"
	"rnnrep/server"
)

const (
	early  = "../../examples/models/formal_languages_r0_s1000.onnx"
	late   = "../../examples/models/formal_languages_r1_s20000.onnx"
	digits = "../../examples/models/sequential_mnist_r0_s20000.onnx"
	// other is a bundle of the test's own, beside the shipped ones.
	other = "test/layerwise_statistics"
)

var (
	desktop = screen{width: 1360, height: 860}
	phone   = screen{width: 390, height: 844, phone: true}
)

// serve starts a server with the shipped bundles and an untrained one; it asks
// for keys if there are any.
func serve(t *testing.T, keys *server.Keys) string {
	t.Helper()
	bundles, err := encoders.OpenBundles(models.FS)
	if err != nil {
		t.Fatal(err)
	}
	bundles = append(bundles, enctest.Bundle(t, encoders.Config{Kind: "layerwise_statistics", Dim: 4, Spec: rnn.Uniform("lstm", 6, 8, 2, 6), Options: json.RawMessage(`{"hidden":[8]}`)}))
	s := httptest.NewServer(server.New(server.Config{Bundles: bundles, Version: "test", Keys: keys}))
	t.Cleanup(s.Close)
	return s.URL
}

// wide is a model wider than any that a bundle was trained on.
func wide(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wide.onnx")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	m := enctest.Models(rnn.Uniform("gru", 5, 100, 1, 4), 1)[0]
	if err := errors.Join(exporter.WriteRNN(f, m), f.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

// predict asks the server itself.
func predict(t *testing.T, address, file string) (a server.Answer) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	resp, err := http.Post(address+"/v1/predict", "application/octet-stream", f)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || !a.OK {
		t.Fatalf("%s: %v %+v", file, err, a.Error)
	}
	return a
}

// TestPage uses the page as people do, in Chromium. With SCREENSHOTS=DIR it
// leaves pictures there.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes a while")
	}
	b := startBrowser(t)
	address := serve(t, nil)
	for name, f := range map[string]func(*testing.T, *browser, string){
		"start": start, "answer": answer, "several": several, "refusal": refusal, "external data": externalData, "dropped": dropped, "examples": exampleModels,
		"bundle": chosenBundle, "map by mouse": mapByMouse, "map by keys": mapByKeys, "colours": colours, "theme": theme, "phone": onPhone,
		"reduced motion": reducedMotion, "accessible": accessible, "words": words, "kinds": kinds, "other bundle": otherBundle, "many points": manyPoints,
	} {
		t.Run(name, func(t *testing.T) { f(t, b, address) })
	}
	t.Run("key", func(t *testing.T) { withKey(t, b) })
}

// painted says whether the map has points on it, in colours other than the
// grid's.
const painted = `(() => {
	const c = document.querySelector("#map canvas"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
	let n = 0;
	for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200 && Math.max(d[i], d[i + 1], d[i + 2]) - Math.min(d[i], d[i + 1], d[i + 2]) > 60) n++;
	return n > 300;
})()`

func start(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.await(painted)
	p.awaitText("#map-about", "snapshots of")
	p.awaitText("#about", "rnnrepd test")
	p.screenshot("start")
}

// answer: what the server says of a model is on the page, and its place on the
// map is where its embedding projects to.
func answer(t *testing.T, b *browser, address string) {
	want := predict(t, address, late)
	p := b.open(t, address, desktop)
	p.pick(late)
	p.awaitText(".answer", "Nearest relatives")
	text := strings.ReplaceAll(p.text(".answer"), "\u202f", " ")
	for _, part := range []string{filepath.Base(late), "A two-layer LSTM, 32 units each, reading 6 inputs and giving 6 outputs.", "13,766 weights", want.RNN.Found,
		"Checked against the file’s own outputs", strings.Replace(fmt.Sprintf("%.1f %%", 100*want.Predictions.Accuracy.Value), "100.0", "100", 1),
		fmt.Sprintf("%.2f", want.Predictions.GeneralizationGap.Interval[1]), "zoo"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
	if n := p.eval(`document.querySelectorAll(".column").length`); n != float64(len(want.Predictions.TrainingStage.Distribution)) {
		t.Errorf("%v columns", n)
	}
	if n := p.eval(`document.querySelectorAll(".relatives tbody tr").length`); n != float64(len(want.Neighbours)) {
		t.Errorf("%v relatives", n)
	}
	p.await(painted)
	p.portrait("answer")
	p.eval(`document.querySelector(".more").open = true`)
	if n := p.eval(`document.querySelectorAll(".embedding span").length`); n != float64(len(want.Embedding)) || !strings.Contains(p.text(".more"), want.SHA256) {
		t.Errorf("%v numbers, %s", n, p.text(".more"))
	}
	p.click(".relatives tbody button")
	p.awaitText("#map .tip", "steps, accuracy")
	p.screenshot("relative")
}

// several models are kept, and each can be looked at again.
func several(t *testing.T, b *browser, address string) {
	p := b.open(t, address, screen{width: 1360, height: 860, dark: true})
	p.pick(early, late, wide(t))
	p.await(`document.querySelectorAll("#models .chip").length === 3`)
	p.awaitText(".answer .sentence", "reading 5 inputs and giving 4 outputs")
	p.awaitText(".trust", "Unlike the networks of the zoo")
	p.portrait("several-dark")
	p.click("#models .chip")
	p.awaitText(".answer .file", filepath.Base(early))
	if n := p.eval(`document.querySelectorAll('#models [aria-pressed="true"]').length`); n != 1.0 {
		t.Errorf("%v models are current", n)
	}
	p.pick(early) // again
	p.await(`!document.querySelector("#status.busy")`)
	if n := p.eval(`document.querySelectorAll("#models .chip").length`); n != 3.0 {
		t.Errorf("%v models after one came again", n)
	}
}

// refusal: every field of the problem detail is shown.
func refusal(t *testing.T, b *browser, address string) {
	bad := filepath.Join(t.TempDir(), "notes.onnx")
	if err := os.WriteFile(bad, []byte("These are notes."), 0o644); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(address+"/v1/predict", "application/octet-stream", strings.NewReader("These are notes."))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var problem struct{ Detail, Code, Accepted, Hint string }
	if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil || problem.Hint == "" {
		t.Fatalf("%v %+v", err, problem)
	}
	p := b.open(t, address, desktop)
	p.pick(bad)
	p.awaitText(".problem h1", "This is not an ONNX file")
	for _, part := range []string{"notes.onnx", problem.Detail, problem.Code, problem.Accepted, problem.Hint, "422"} {
		if !strings.Contains(p.text(".problem"), part) {
			t.Errorf("%q is not in %q", part, p.text(".problem"))
		}
	}
	p.screenshot("refusal")
	p.pick(late) // and on
	p.awaitText(".answer .file", filepath.Base(late))
}

// externalData may come with the model, or be brought after it was missed.
func externalData(t *testing.T, b *browser, address string) {
	model, data := "../testdata/external.onnx", "../testdata/external.onnx.data"
	p := b.open(t, address, desktop)
	p.pick(model)
	p.awaitText(".problem h1", "The weights are in another file")
	p.screenshot("external-data")
	p.pick(data)
	p.awaitText(".answer .file", "external.onnx")
	p.pick(model, data)
	p.await(`!document.querySelector("#status.busy") && document.querySelector(".answer")`)
	p.pick(data, early)
	p.awaitText(".answer .file", filepath.Base(early))
	p.pick(data, digits+"/../README.md")
	p.awaitText(".problem h1", "Which of these is the model?")
}

// dropped: a file can be dropped anywhere.
func dropped(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.eval(`fetch("/app/examples/` + filepath.Base(early) + `").then((r) => r.blob()).then((data) => {
		const transfer = new DataTransfer();
		transfer.items.add(new File([data], "dropped.onnx"));
		const send = (kind) => document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
		send("dragenter");
		globalThis.shown = document.body.classList.contains("dragging");
		send("dragover");
		return send("drop"); })`)
	p.awaitText(".answer .file", "dropped.onnx")
	if p.eval(`shown && !document.body.classList.contains("dragging")`) != true {
		t.Error("dragging is not shown, or shown for ever")
	}
}

func exampleModels(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	for _, name := range []string{early, late, digits} {
		name = filepath.Base(name)
		p.eval(`document.querySelector('[data-example="` + name + `"]').click()`)
		p.awaitText(".answer .file", name)
	}
}

// chosenBundle: with another bundle the models are read again, and its map is
// shown.
func chosenBundle(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.pick(late)
	p.await(`document.querySelector(".answer")`)
	p.eval(`(() => { const s = document.getElementById("bundle"); s.value = "` + other + `"; s.dispatchEvent(new Event("change")); })()`)
	p.awaitText("#map-about", "layerwise statistics of test")
	p.await(`document.querySelectorAll(".embedding span").length === 4`)
}

func mapByMouse(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.await(painted)
	box := p.eval(`(() => { const b = document.querySelector("#map").getBoundingClientRect(); return { x: b.x, y: b.y, w: b.width, h: b.height }; })()`).(object)
	x, y, w, h := box["x"].(float64), box["y"].(float64), box["w"].(float64), box["h"].(float64)
	wheel := func() {
		p.do("Input.dispatchMouseEvent", object{"type": "mouseWheel", "x": x + w/2, "y": y + h/2, "deltaX": 0, "deltaY": -240}, nil)
	}
	picture := `document.querySelector("#map canvas").toDataURL()`
	settled := func() any { p.eval(`new Promise((done) => setTimeout(done, 400))`); return p.eval(picture) }
	first := settled()
	wheel()
	if settled() != first {
		t.Error("the wheel zooms though the map was not clicked: the page cannot be scrolled past it")
	}
	p.mouse("mousePressed", x+3, y+3)
	p.mouse("mouseReleased", x+3, y+3)
	wheel()
	zoomed := settled()
	p.mouse("mousePressed", x+w/2, y+h/2)
	p.mouse("mouseMoved", x+w/2+60, y+h/2+20)
	p.mouse("mouseReleased", x+w/2+60, y+h/2+20)
	if moved := settled(); zoomed == first || moved == zoomed {
		t.Error("the map does not zoom or move")
	}
	p.click("#zoom-all")
	if settled() != first {
		t.Error("the map does not come back")
	}
	for i := 0.0; i < 1 && p.eval(`document.querySelector("#map .tip").hidden`) == true; i += 0.005 { // until something is met
		p.mouse("mouseMoved", x+w*i, y+h*(1-i))
		p.eval(`new Promise(requestAnimationFrame)`)
	}
	p.awaitText("#map .tip", "steps, accuracy")
	p.screenshot("pointed-at")
}

func mapByKeys(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.await(painted)
	p.eval(`document.getElementById("map").focus()`)
	p.key("+", "+", "ArrowLeft", "ArrowDown", "-", "0")
	p.eval(`new Promise((done) => setTimeout(done, 400))`)
	p.key("Enter")
	p.awaitText("#map-says", "accuracy")
	first := p.text("#map-says")
	p.key(".", ",", ",", ".", ".")
	if p.eval(`document.getElementById("map-says").textContent`) == first {
		p.key(",")
	}
	if second := p.text("#map-says"); second == first || strings.Split(second, ", ")[1] != strings.Split(first, ", ")[1] {
		t.Errorf("from %q to %q", first, second)
	}
	p.screenshot("map-by-keys")
	p.key("Escape")
	p.await(`document.querySelector("#map .tip").hidden`)
}

// colours of the map are chosen with the arrow keys too.
func colours(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.await(painted)
	p.awaitText("#legend", "20k")
	p.eval(`document.querySelector('[data-by="stage"]').focus()`)
	p.key("ArrowLeft")
	p.awaitText("#legend", "accuracy")
	p.await(`document.activeElement.dataset.by === "accuracy" && document.activeElement.getAttribute("aria-checked") === "true"`)
	p.await(painted)
	p.screenshot("by-accuracy")
	p.key("ArrowLeft")
	p.awaitText("#legend", "other tasks")
	p.pick(late)
	p.await(`document.querySelector(".answer")`)
	// The model's and its relatives' tasks have colours; one of them comes first.
	p.await(`[...document.querySelectorAll(".answer .task")].some((e) => e.innerText === document.querySelector("#legend .task").innerText)`)
	p.portrait("by-task")
}

// theme: the system's, until one is chosen, which is remembered.
func theme(t *testing.T, b *browser, address string) {
	p := b.open(t, address, screen{width: 1360, height: 860, dark: true})
	background := `getComputedStyle(document.body).backgroundColor`
	dark := p.eval(background)
	p.awaitText("#theme", "Light")
	p.await(painted)
	p.screenshot("start-dark")
	p.click("#theme")
	p.awaitText("#theme", "Dark")
	light := p.eval(background)
	p.do("Page.reload", nil, nil)
	p.await(`document.readyState === "complete" && document.getElementById("theme").innerText === "Dark"`)
	if again := p.eval(background); again != light || light == dark {
		t.Errorf("background %v, light %v, after loading again %v", dark, light, again)
	}
}

// onPhone nothing is wider than the screen, and fingers can hit every button.
func onPhone(t *testing.T, b *browser, address string) {
	p := b.open(t, address, phone)
	p.await(painted)
	p.portrait("phone-start")
	fits := func() {
		t.Helper()
		if w := p.eval(`document.documentElement.scrollWidth`); w.(float64) > float64(phone.width) {
			t.Errorf("the page is %v pixels wide", w)
		}
		if small := p.eval(`[...document.querySelectorAll("button, select, summary")].filter((e) => e.offsetParent && e.getBoundingClientRect().height < 24).map((e) => e.id || e.className || e.innerText).join()`); small != "" {
			t.Errorf("lower than 24 pixels: %v", small)
		}
	}
	fits()
	p.pick(late)
	p.awaitText(".answer", "Nearest relatives")
	fits()
	p.portrait("phone-answer")
}

func reducedMotion(t *testing.T, b *browser, address string) {
	p := b.open(t, address, screen{width: 1360, height: 860, still: true})
	p.await(painted)
	p.pick(late)
	p.await(`document.querySelector(".answer")`)
	p.eval(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`)
	picture := `document.querySelector("#map canvas").toDataURL()`
	before := p.eval(picture)
	p.eval(`document.getElementById("zoom-in").click(); new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`)
	after := p.eval(picture)
	p.eval(`new Promise((done) => setTimeout(done, 300))`)
	if after == before || p.eval(picture) != after {
		t.Error("zooming took more than a frame")
	}
	if n := p.eval(`document.getAnimations().length`); n != 0.0 {
		t.Errorf("%v animations", n)
	}
}

// accessible: what can be used or means something has a name, headings are in
// order, and the keyboard reaches everything in the order of reading.
func accessible(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	p.pick(late)
	p.awaitText(".answer", "Nearest relatives")
	p.await(painted)
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	p.do("Accessibility.getFullAXTree", nil, &tree)
	seen := map[any]int{}
	for _, n := range tree.Nodes {
		switch n.Role.Value {
		case "button", "link", "combobox", "radio", "radiogroup", "image", "application", "region", "navigation", "heading", "table":
			seen[n.Role.Value]++
			if name, _ := n.Name.Value.(string); !n.Ignored && strings.TrimSpace(name) == "" && n.Role.Value != "table" {
				t.Errorf("a %v has no name", n.Role.Value)
			}
		}
	}
	if seen["button"] < 8 || seen["image"] < 4 || seen["radio"] != 3 || seen["application"] != 1 || seen["table"] != 1 {
		t.Errorf("roles %v", seen)
	}
	if levels := p.eval(`[...document.querySelectorAll("h1, h2, h3")].filter((e) => e.offsetParent).map((e) => e.tagName[1]).join("")`).(string); !strings.HasPrefix(levels, "12") || strings.Count(levels, "1") != 1 {
		t.Errorf("levels of headings %s", levels)
	}
	p.eval(`document.body.focus()`)
	var order []string
	for range 40 {
		p.key("Tab")
		order = append(order, fmt.Sprint(p.eval(`document.activeElement.id || document.activeElement.className || document.activeElement.tagName`)))
	}
	at := -1
	for _, want := range []string{"skip", "theme", "choose", "bundle", "link", "map", "zoom-in"} {
		next := -1
		for i, id := range order {
			if i > at && id == want {
				next = i
				break
			}
		}
		if next < 0 {
			t.Errorf("%s is not reached in order: %v", want, order)
			break
		}
		at = next
	}
}

// words: numbers, structures and tasks in words.
func words(t *testing.T, b *browser, address string) {
	p := b.open(t, address, desktop)
	for expression, want := range map[string]string{
		`w.percent(0.9344)`:                        "93.4 %",
		`w.percent(1)`:                             "100 %",
		`w.percent(0.004)`:                         "0.4 %",
		`w.percent(0)`:                             "0 %",
		`w.decimal(-0.5)`:                          "−0.50",
		`w.decimal(-0.001)`:                        "0.00",
		`w.short(20000)`:                           "20k",
		`w.short(250)`:                             "250",
		`w.sentence("a key.")`:                     "A key.",
		`w.integer(20000)`:                         "20,000",
		`w.plural(1, "step")`:                      "1 step",
		`w.list(["a", "b", "c"])`:                  "a, b and c",
		`text(w.power(4.7e-7))`:                    "5 × 10−7",
		`text(w.power(0))`:                         "0",
		`text(w.power(0.02))`:                      "0.02",
		`w.bundleName("a_b/c_d")`:                  "c d of a b",
		`w.task("a^n b^(n-1)").outerHTML`:          `<span class="task formula">a<sup>n</sup> b<sup>n−1</sup></span>`,
		`w.task("rotation 3.5 degrees").outerHTML`: `<span class="task">rotation 3.5°</span>`,
		`w.task("formal_languages").textContent`:   "formal languages",
		`w.bundleName("sequential_mnist/c_d")`:     "c d of sequential MNIST",
		`w.angle(359.7)`:                           "0°",
		`w.angle(-5)`:                              "355°",
		`w.bundleName("universal/c_d")`:            "c d of networks of every kind",
		`w.task("<img src=x>^(1").textContent`:     "<img src=x>^(1",
		`w.structure({ cell: "gru", hidden: [5], layers: 1, inputs: 1, outputs: 0 })`:                             "One layer of GRU, 5 units, reading 1 input; it has no readout.",
		`w.structure({ cell: "lstm", hidden: [64, 32], layers: 2, inputs: 3, outputs: 2, bidirectional: true })`:  "A two-layer bidirectional LSTM of 64 and 32 units, reading 3 inputs and giving 2 outputs.",
		`w.structure({ cell: "rnn_tanh", hidden: [4, 4, 4], layers: 3, inputs: 3, outputs: 1 })`:                  "A three-layer tanh RNN, 4 units each, reading 3 inputs and giving 1 output.",
		`String(c.numericTasks(["rotation 10 degrees", "rotation 350.5 degrees"])?.of("rotation 350.5 degrees"))`: "350.5",
		`String(c.numericTasks(["a^n b^(n-1)", "a^n b^(n-2)"])?.low)`:                                             "-2",
		`String(c.numericTasks(["a^n b^(n-1) c^(n+2)", "a^n b^n c^(n+1)"]))`:                                      "null",
	} {
		got := p.eval(`Promise.all([import("/app/words.js"), import("/app/colour.js")]).then(([w, c]) => { const text = (nodes) => nodes.map((n) => n.textContent ?? n).join(""); return ` + expression + `; })`)
		if s := strings.ReplaceAll(fmt.Sprint(got), "\u202f", " "); s != want {
			t.Errorf("%s is %q, want %q", expression, s, want)
		}
	}
}

// withKey: a server that asks for a key gets it from the visitor.
func withKey(t *testing.T, b *browser) {
	keys, err := server.ParseKeys("visitor read,predict " + server.HashKey("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	p := b.open(t, serve(t, keys), desktop)
	p.awaitText(".map-message", "An API key is needed.")
	p.pick(late)
	p.awaitText(".problem h1", "This server asks for an API key")
	p.screenshot("key")
	for _, attempt := range []string{"wrong", "open sesame"} {
		p.await(`document.getElementById("key")?.value === ""`)
		p.eval(`document.getElementById("key").focus()`)
		p.key(strings.Split(attempt, "")...)
		p.key("Enter")
		p.await(`document.getElementById("key")?.value !== "` + attempt + `"`)
	}
	p.awaitText(".answer .file", filepath.Base(late))
	p.await(painted)
}
