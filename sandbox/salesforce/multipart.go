package salesforce

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// multipart reads a body of two parts: the record as JSON, then a file.
func (c *call) multipart() ([]input, *apiError) {
	bad := func(text string) *apiError {
		return refuseCall(http.StatusBadRequest, "INVALID_MULTIPART_REQUEST", "%s", text)
	}
	_, params, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return nil, bad("Multipart message must have a boundary")
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	var in []input
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bad("Multipart message is not readable")
		}
		data, err := io.ReadAll(io.LimitReader(part, maxBody))
		if err != nil {
			return nil, bad("Multipart message is not readable")
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "application/json") && part.FileName() == "" {
			fields, problem := readObject(data)
			if problem != nil {
				return nil, problem
			}
			in = append(in, fields...)
			continue
		}
		if n == 0 {
			return nil, bad("Multipart message must include a non-binary part")
		}
		if part.FileName() == "" {
			return nil, bad("Binary part must have a file name")
		}
		text, err := json.Marshal(base64.StdEncoding.EncodeToString(data))
		if err != nil {
			return nil, bad("Binary part is not readable")
		}
		in = append(in, input{part.FormName(), text})
		if memberOf(in, "PathOnClient") == nil {
			name, _ := json.Marshal(part.FileName()) //nolint:errchkjson // a string
			in = append(in, input{"PathOnClient", name})
		}
	}
	if len(in) == 0 {
		return nil, bad("Multipart message must include a non-binary part")
	}
	return in, nil
}

// blob answers with the content of a file.
func (c *call) blob(r *record, f *field) (answer, *apiError) {
	raw, err := base64.StdEncoding.DecodeString(text(r.values[f.name]))
	if err != nil || r.values[f.name] == nil {
		return answer{}, notFound()
	}
	if raw == nil {
		raw = []byte{}
	}
	return answer{status: http.StatusOK, raw: raw, kind: "application/octetstream"}, nil
}
