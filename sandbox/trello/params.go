package trello

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// params are the parameters of a call, wherever they came from: query, form,
// multipart form or JSON body.
type params map[string]any

// upload is the file of a multipart form.
type upload struct {
	name, mime string
	content    []byte
}

func readParams(query url.Values, header http.Header, body []byte) (params, *upload, *apiError) {
	p := params{}
	p.add(query)
	kind, attributes, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case len(body) == 0:
	case kind == "application/json":
		var fields map[string]any
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		if err := dec.Decode(&fields); err != nil {
			return nil, nil, text(http.StatusBadRequest, "Error parsing body: invalid JSON")
		}
		for name, v := range fields {
			p[name] = v
		}
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, nil, text(http.StatusBadRequest, "Error parsing body")
		}
		p.add(form)
	case kind == "multipart/form-data":
		up, err := p.addParts(multipart.NewReader(bytes.NewReader(body), attributes["boundary"]))
		if err != nil {
			return nil, nil, text(http.StatusBadRequest, "Error parsing body")
		}
		return p, up, nil
	}
	return p, nil, nil
}

func (p params) add(values url.Values) {
	for name, list := range values {
		if len(list) > 0 {
			p[strings.TrimSuffix(name, "[]")] = strings.Join(list, ",")
		}
	}
}

func (p params) addParts(r *multipart.Reader) (*upload, error) {
	var up *upload
	for {
		part, err := r.NextPart()
		if err == io.EOF { //nolint:errorlint // as the package documents it
			return up, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if part.FileName() != "" {
			up = &upload{name: part.FileName(), mime: part.Header.Get("Content-Type"), content: content}
			continue
		}
		p[part.FormName()] = string(content)
	}
}

func (p params) has(name string) bool {
	_, ok := p[name]
	return ok
}

// text returns a parameter as text; "" for null and for what is missing.
func (p params) text(name string) string {
	switch v := p[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// or returns a parameter as text, or what stands for it where it is missing.
func (p params) or(name, unset string) string {
	if v := p.text(name); v != "" {
		return v
	}
	return unset
}

// flag returns a truth; ok is false where it makes no sense.
func (p params) flag(name string) (value, ok bool) {
	switch p.text(name) {
	case "true", "1":
		return true, true
	case "false", "0", "":
		return false, true
	}
	return false, false
}

func (p params) yes(name string) bool {
	v, _ := p.flag(name)
	return v
}

// list returns the elements of a comma list or of a JSON array.
func (p params) list(name string) []string {
	var out []string
	switch v := p[name].(type) {
	case string:
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			} else {
				out = append(out, "")
			}
		}
	}
	return out
}

// number returns a whole number, or unset where it is missing or makes no sense.
func (p params) number(name string, unset int) int {
	n, err := strconv.Atoi(p.text(name))
	if err != nil {
		return unset
	}
	return n
}

// sub returns the parameters of a nested resource: those that begin with its
// name and "_".
func (p params) sub(prefix string) params {
	out := params{}
	for name, v := range p {
		if rest, ok := strings.CutPrefix(name, prefix+"_"); ok {
			out[rest] = v
		}
	}
	return out
}

// pick returns the members of o that fields names, with the id; all for "all",
// and the default ones where fields is empty.
func pick(o object, fields, unset string) object {
	if fields == "" {
		fields = unset
	}
	if fields == "all" || fields == "" {
		return o
	}
	out := object{"id": o["id"]}
	for name := range strings.SplitSeq(fields, ",") {
		if v, ok := o[strings.TrimSpace(name)]; ok {
			out[strings.TrimSpace(name)] = v
		}
	}
	return out
}
