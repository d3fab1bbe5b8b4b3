package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"rnnrep/internal/errs"
	"rnnrep/server"
)

// client asks an rnnrepd server.
type client struct {
	base string
	http *http.Client
	key  string
}

// newClient reaches http://host:port, https://host:port or unix:///path. Its API
// key is that of RNNREPD_API_KEY.
func newClient(address string) (*client, error) {
	c := &client{base: strings.TrimSuffix(address, "/"), http: &http.Client{}, key: os.Getenv("RNNREPD_API_KEY")}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme == "unix":
		c.base = "http://unix"
		c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", u.Path)
		}}
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("--server %s: http://, https:// or unix:// are known", address)
	}
	return c, nil
}

// answerTime is the longest that a server gets for one answer.
const answerTime = 10 * time.Minute

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// predict posts a model with its external data. A refusal is an answer; an error
// means that the server has none now.
func (c *client) predict(ctx context.Context, u server.Upload, bundle string) (server.Answer, error) {
	kind, body, err := encodeUpload(u)
	if err != nil {
		return server.Answer{}, err
	}
	path := c.base + "/v1/predict"
	if bundle != "" {
		path += "?" + url.Values{"bundle": {bundle}}.Encode()
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return server.Answer{}, err
	}
	r.Header.Set("Content-Type", kind)
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return server.Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return server.Answer{}, err
	}
	return decodeAnswer(u.File, resp, text)
}

// later are the statuses of a server that may answer when it is asked again.
var later = []int{http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

func decodeAnswer(file string, resp *http.Response, text []byte) (answer server.Answer, err error) {
	var e errs.Error
	switch {
	case resp.StatusCode == http.StatusOK:
		err = json.Unmarshal(text, &answer)
		answer.File = file
		return answer, err
	case slices.Contains(later, resp.StatusCode):
		return answer, fmt.Errorf("%s answered %s", resp.Request.URL.Host, resp.Status)
	case json.Unmarshal(text, &e) != nil || e.Code == "":
		return server.Refused(file, "", fmt.Errorf("%s answered %s", resp.Request.URL.Host, resp.Status)), nil
	}
	return server.Refused(file, "", &e), nil
}

// encodeUpload returns a model as a request's body: itself, or a form if it has
// external data.
func encodeUpload(u server.Upload) (kind string, body []byte, err error) {
	if len(u.External) == 0 {
		return "application/octet-stream", u.Data, nil
	}
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	add := func(field, name string, data []byte) {
		if err == nil {
			var w io.Writer
			if w, err = form.CreateFormFile(field, name); err == nil {
				_, err = w.Write(data)
			}
		}
	}
	add("model", "model.onnx", u.Data)
	for name, data := range u.External {
		add("data", name, data)
	}
	if err == nil {
		err = form.Close()
	}
	return form.FormDataContentType(), b.Bytes(), err
}
