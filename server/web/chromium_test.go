package web_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium, driven by the DevTools protocol over a pipe.
type browser struct {
	send    *os.File
	mu      sync.Mutex
	last    int
	replies map[int]chan message
	events  map[string]func(method string, params json.RawMessage) // by session
}

type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

type object = map[string]any

// patience is how long a page gets to become what is waited for.
const patience = time.Minute

// startBrowser skips the test where there is no Chromium.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && program == "" {
			program = found
		}
	}
	if program == "" {
		t.Skip("there is no Chromium on PATH (Debian: apt-get install chromium); CHROMIUM names another")
	}
	theirIn, send, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	receive, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir())
	c.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{send: send, replies: map[int]chan message{}, events: map[string]func(string, json.RawMessage){}}
	go b.receive(receive)
	t.Cleanup(func() {
		b.call(t, "", "Browser.close", nil, nil)
		send.Close()
		_ = c.Wait()
		receive.Close()
	})
	return b
}

// receive hands out replies and events until the browser ends.
func (b *browser) receive(from *os.File) {
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		reply, event := b.replies[m.ID], b.events[m.SessionID]
		delete(b.replies, m.ID)
		b.mu.Unlock()
		switch {
		case m.ID != 0 && reply != nil:
			reply <- m
		case event != nil:
			event(m.Method, m.Params)
		}
	}
}

// call sends a command and waits for its result.
func (b *browser) call(t *testing.T, session, method string, params, result any) {
	t.Helper()
	if params == nil {
		params = object{}
	}
	raw, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	reply := make(chan message, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.replies[id] = reply
	text, err := json.Marshal(message{ID: id, SessionID: session, Method: method, Params: raw})
	if err == nil {
		_, err = b.send.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-reply:
		if m.Error != nil {
			t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				t.Fatalf("%s: %v: %s", method, err, m.Result)
			}
		}
	case <-time.After(patience):
		t.Fatalf("%s: no reply", method)
	}
}

// tab is a page, in a context of its own.
type tab struct {
	*browser
	*testing.T
	session string
	mu      sync.Mutex
	wrong   []string // what the page should not have done
}

// screen is what a tab is shown on.
type screen struct {
	width, height int
	dark, still   bool
	phone         bool
}

// open shows an address. When the test ends, errors of scripts, violations of
// the content security policy and requests to elsewhere fail it.
func (b *browser) open(t *testing.T, address string, s screen) *tab {
	t.Helper()
	var created struct{ BrowserContextID, TargetID, SessionID string }
	b.call(t, "", "Target.createBrowserContext", nil, &created)
	b.call(t, "", "Target.createTarget", object{"url": "about:blank", "browserContextId": created.BrowserContextID}, &created)
	b.call(t, "", "Target.attachToTarget", object{"targetId": created.TargetID, "flatten": true}, &created)
	p := &tab{browser: b, T: t, session: created.SessionID}
	b.mu.Lock()
	b.events[p.session] = func(method string, params json.RawMessage) { p.event(address, method, params) }
	b.mu.Unlock()
	t.Cleanup(func() {
		b.call(t, "", "Target.disposeBrowserContext", object{"browserContextId": created.BrowserContextID}, nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, w := range p.wrong {
			t.Error(w)
		}
	})
	for _, domain := range []string{"Runtime", "Log", "Network", "Page", "DOM"} {
		p.do(domain+".enable", nil, nil)
	}
	scheme, motion, scale := "light", "no-preference", 1
	if s.dark {
		scheme = "dark"
	}
	if s.still {
		motion = "reduce"
	}
	if s.phone {
		scale = 2
		p.do("Emulation.setTouchEmulationEnabled", object{"enabled": true}, nil)
	}
	p.do("Emulation.setDeviceMetricsOverride", object{"width": s.width, "height": s.height, "deviceScaleFactor": scale, "mobile": s.phone}, nil)
	p.do("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}}}, nil)
	p.do("Page.navigate", object{"url": address}, nil)
	p.await(`document.readyState === "complete"`)
	return p
}

func (p *tab) event(address, method string, params json.RawMessage) {
	var e struct {
		Entry            struct{ Source, Level, Text, URL string }
		Request          struct{ URL string }
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	_ = json.Unmarshal(params, &e)
	wrong := ""
	switch method {
	case "Runtime.exceptionThrown":
		wrong = "a script failed: " + e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description
	case "Log.entryAdded":
		// Refusals are answers with status 4xx, which the browser logs too.
		if e.Entry.Level == "error" && e.Entry.Source != "network" || e.Entry.Source == "security" {
			wrong = "the browser complained: " + e.Entry.Text
		}
	case "Network.requestWillBeSent":
		if !strings.HasPrefix(e.Request.URL, address) {
			wrong = "a request to " + e.Request.URL
		}
	}
	if wrong != "" {
		p.mu.Lock()
		p.wrong = append(p.wrong, wrong)
		p.mu.Unlock()
	}
}

func (p *tab) do(method string, params, result any) {
	p.Helper()
	p.call(p.T, p.session, method, params, result)
}

// eval returns the value of an expression, which may be a promise.
func (p *tab) eval(expression string) any {
	p.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	p.do("Runtime.evaluate", object{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		p.Fatalf("%s: %s %s", expression, r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	}
	return r.Result.Value
}

// text is the visible text of the first element that a selector matches.
func (p *tab) text(selector string) string {
	p.Helper()
	return fmt.Sprint(p.eval(fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector)))
}

// await waits until an expression is true.
func (p *tab) await(expression string) {
	p.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if p.eval("Boolean("+expression+")") == true {
			return
		}
		if time.Now().After(end) {
			p.screenshot("failed")
			p.Fatalf("never came true: %s\n%s", expression, p.text("main"))
		}
	}
}

// awaitText waits for a text in an element.
func (p *tab) awaitText(selector, text string) {
	p.Helper()
	p.await(fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q)`, selector, text))
}

// pick gives files to the page, as the file dialogue does.
func (p *tab) pick(files ...string) {
	p.Helper()
	for i, f := range files {
		abs, err := filepath.Abs(f)
		if err != nil {
			p.Fatal(err)
		}
		files[i] = abs
	}
	var found struct{ Result struct{ ObjectID string } }
	p.do("Runtime.evaluate", object{"expression": `document.getElementById("files")`}, &found)
	p.do("DOM.setFileInputFiles", object{"files": files, "objectId": found.Result.ObjectID}, nil)
}

// click clicks the middle of the first element that a selector matches.
func (p *tab) click(selector string) {
	p.Helper()
	at := p.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({ block: "nearest" }); const b = e.getBoundingClientRect(); return { x: b.x + b.width / 2, y: b.y + b.height / 2 }; })()`, selector)).(object)
	p.mouse("mousePressed", at["x"].(float64), at["y"].(float64))
	p.mouse("mouseReleased", at["x"].(float64), at["y"].(float64))
}

func (p *tab) mouse(kind string, x, y float64) {
	p.Helper()
	event := object{"type": kind, "x": x, "y": y}
	if kind != "mouseMoved" {
		event["button"], event["clickCount"] = "left", 1
	}
	p.do("Input.dispatchMouseEvent", event, nil)
}

// key presses keys by their names: "Enter", "ArrowLeft", "+".
func (p *tab) key(names ...string) {
	p.Helper()
	codes := map[string]int{"Enter": 13, "Tab": 9, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
	for _, name := range names {
		event := object{"type": "keyDown", "key": name, "windowsVirtualKeyCode": codes[name]}
		if len(name) == 1 {
			event["text"] = name
		} else if name == "Enter" {
			event["text"] = "\r"
		}
		p.do("Input.dispatchKeyEvent", event, nil)
		p.do("Input.dispatchKeyEvent", object{"type": "keyUp", "key": name, "windowsVirtualKeyCode": codes[name]}, nil)
	}
}

// screenshot writes what is on the screen as a picture to the folder
// SCREENSHOTS, if that is set.
func (p *tab) screenshot(name string) { p.Helper(); p.capture(name, false) }

// portrait is screenshot of the whole page.
func (p *tab) portrait(name string) { p.Helper(); p.capture(name, true) }

func (p *tab) capture(name string, whole bool) {
	p.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	p.eval(`document.fonts.ready.then(() => new Promise((done) => setTimeout(done, 1100)))`) // movements end
	var shot struct{ Data string }
	p.do("Page.captureScreenshot", object{"captureBeyondViewport": whole}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		p.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644); err != nil {
		p.Fatal(err)
	}
}
