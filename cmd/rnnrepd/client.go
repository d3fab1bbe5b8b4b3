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
	"strings"

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

// predict posts a model with its external data.
func (c *client) predict(ctx context.Context, u server.Upload, bundle string) server.Answer {
	answer, err := c.post(ctx, u, bundle)
	if err != nil {
		return server.Refused(u.File, "", err)
	}
	answer.File = u.File
	return answer
}

func (c *client) post(ctx context.Context, u server.Upload, bundle string) (answer server.Answer, err error) {
	kind, body, err := encodeUpload(u)
	if err != nil {
		return answer, err
	}
	path := c.base + "/v1/predict"
	if bundle != "" {
		path += "?" + url.Values{"bundle": {bundle}}.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	r.Header.Set("Content-Type", kind)
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer, err
	}
	if resp.StatusCode != http.StatusOK {
		var e errs.Error
		if json.Unmarshal(text, &e) != nil || e.Code == "" {
			return answer, fmt.Errorf("%s answered %s", c.base, resp.Status)
		}
		return answer, &e
	}
	return answer, json.Unmarshal(text, &answer)
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
