package server

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The description of the API is an OpenAPI 3.0.3 document, made from the table
// of routes and the Go types that it names.
const (
	openAPIVersion = "3.0.3"
	openAPIPath    = "/api/v1/openapi.json"
	problemMedia   = "application/problem+json"
	jsonMedia      = "application/json"
)

// document is an OpenAPI document, as far as it is used here.
type document struct {
	OpenAPI    string                           `json:"openapi"`
	Info       info                             `json:"info"`
	Servers    []link                           `json:"servers"`
	Tags       []tag                            `json:"tags"`
	Paths      map[string]map[string]*operation `json:"paths"` // by path and method
	Components components                       `json:"components"`
}

type info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

type link struct {
	URL string `json:"url"`
}

type tag struct {
	Name string `json:"name"`
}

type operation struct {
	ID          string                `json:"operationId"`
	Tags        []string              `json:"tags"`
	Summary     string                `json:"summary"`
	Description string                `json:"description,omitempty"`
	Scope       Scope                 `json:"x-tenon-scope,omitempty"`
	Result      *schema               `json:"x-tenon-result,omitempty"` // of a job
	Security    []map[string][]string `json:"security"`
	Parameters  []parameter           `json:"parameters,omitempty"`
	Body        *requestBody          `json:"requestBody,omitempty"`
	Responses   map[string]response   `json:"responses"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *schema `json:"schema"`
}

type requestBody struct {
	Required bool                 `json:"required,omitempty"`
	Content  map[string]mediaType `json:"content"`
}

type mediaType struct {
	Schema  *schema `json:"schema"`
	Example any     `json:"example,omitempty"`
}

type response struct {
	Description string               `json:"description"`
	Content     map[string]mediaType `json:"content,omitempty"`
}

type components struct {
	Schemas         map[string]*schema        `json:"schemas"`
	SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
}

type securityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme"`
	Description string `json:"description"`
}

// schema is a JSON Schema in the dialect of OpenAPI 3.0.
type schema struct {
	Ref        string             `json:"$ref,omitempty"`
	AllOf      []*schema          `json:"allOf,omitempty"`
	Type       string             `json:"type,omitempty"`
	Format     string             `json:"format,omitempty"`
	Nullable   bool               `json:"nullable,omitempty"`
	Enum       []string           `json:"enum,omitempty"`
	Minimum    *int               `json:"minimum,omitempty"`
	MinItems   int                `json:"minItems,omitempty"`
	MaxItems   int                `json:"maxItems,omitempty"`
	Items      *schema            `json:"items,omitempty"`
	Properties map[string]*schema `json:"properties,omitempty"`
	Required   []string           `json:"required,omitempty"`
	// Additional is false for bodies, whose unknown keys are errors, or the
	// schema of a map's values.
	Additional any `json:"additionalProperties,omitempty"`
}

const about = `What people and programs may ask a running Tenon. Send ` + "`Authorization: Bearer TOKEN`" + `;
` + "`tenon token create`" + ` makes tokens, with the scopes read, operate, convert and configure. Errors are
problems (RFC 9457) whose code programs may rely on. Lists tell where to go on in ` + "`next`" + `; unknown
parameters and keys are errors. Long work answers 202 with a job, which is asked for at /api/v1/jobs/{id}.`

// describe makes the document of the routes.
func describe(routes []route) ([]byte, error) {
	k := &schemas{named: map[string]*schema{}, types: map[string]reflect.Type{}}
	d := document{
		OpenAPI: openAPIVersion,
		Info:    info{Title: "Tenon", Version: "1", Description: strings.ReplaceAll(about, "\n", " ")},
		Servers: []link{{URL: "/"}},
		Paths:   map[string]map[string]*operation{},
		Components: components{Schemas: k.named, SecuritySchemes: map[string]securityScheme{
			"token": {Type: "http", Scheme: "bearer", Description: "A token that `tenon token create` made."},
		}},
	}
	for i := range routes {
		rt := &routes[i]
		if d.Paths[rt.path()] == nil {
			d.Paths[rt.path()] = map[string]*operation{}
		}
		d.Paths[rt.path()][strings.ToLower(rt.method())] = k.operation(rt)
		if t := (tag{rt.group}); !slices.Contains(d.Tags, t) {
			d.Tags = append(d.Tags, t)
		}
	}
	if k.err != nil {
		return nil, k.err
	}
	text, err := json.MarshalIndent(d, "", " ")
	return append(text, '\n'), err
}

func (k *schemas) operation(rt *route) *operation {
	op := &operation{
		ID: operationID(rt), Tags: []string{rt.group}, Summary: rt.summary, Description: rt.detail,
		Scope: rt.scope, Security: []map[string][]string{}, Responses: map[string]response{},
	}
	note := "Open: " + rt.open + "."
	if rt.scope != "" {
		op.Security = []map[string][]string{{"token": {}}}
		note = "Needs the scope " + string(rt.scope) + "."
	}
	op.Description = strings.TrimSpace(op.Description + " " + note)
	if rt.job != nil {
		op.Result = k.of(reflect.TypeOf(rt.job), false)
	}
	for _, name := range rt.pathNames() {
		p, _ := rt.param(name)
		op.Parameters = append(op.Parameters, parameter{Name: name, In: "path", Description: p.summary, Required: true, Schema: p.schema()})
	}
	for _, p := range rt.params {
		if !slices.Contains(rt.pathNames(), p.name) {
			op.Parameters = append(op.Parameters, parameter{Name: p.name, In: "query", Description: p.summary, Required: p.required, Schema: p.schema()})
		}
	}
	switch {
	case rt.body != nil:
		op.Body = &requestBody{Content: map[string]mediaType{jsonMedia: {Schema: k.of(reflect.TypeOf(rt.body), true), Example: rt.body}}}
	case rt.raw != "":
		op.Body = &requestBody{Required: true, Content: map[string]mediaType{rt.raw: {Schema: &schema{Type: "string", Format: "binary"}}}}
	}
	k.responses(op, rt)
	return op
}

// responses tells the answers: that of success, problems by their statuses, and
// whatever else may go wrong.
func (k *schemas) responses(op *operation, rt *route) {
	good := response{Description: http.StatusText(rt.success())}
	if rt.method() == http.MethodHead {
		op.Responses[strconv.Itoa(rt.success())] = good
		op.Responses["default"] = response{Description: "There is no such address."}
		return
	}
	switch {
	case rt.answer != nil:
		good.Content = map[string]mediaType{jsonMedia: {Schema: k.of(reflect.TypeOf(rt.answer), false)}}
	case rt.media != "":
		good.Content = map[string]mediaType{rt.media: {Schema: &schema{Type: "string", Format: "binary"}}}
	}
	op.Responses[strconv.Itoa(rt.success())] = good
	statuses := rt.also
	if rt.scope != "" {
		statuses = append(slices.Clone(statuses), http.StatusUnauthorized, http.StatusForbidden)
	}
	if len(rt.params) > 0 || rt.body != nil || rt.raw != "" {
		statuses = append(slices.Clone(statuses), http.StatusBadRequest)
	}
	problem := map[string]mediaType{problemMedia: {Schema: k.of(reflect.TypeFor[Problem](), false)}}
	for _, status := range statuses {
		r := response{Description: http.StatusText(status), Content: problem}
		// What could not be done is told in the answer's own form as well.
		if status < http.StatusBadRequest || status == http.StatusUnprocessableEntity {
			r.Content = good.Content
		}
		op.Responses[strconv.Itoa(status)] = r
	}
	op.Responses["default"] = response{Description: "Anything else that keeps the request from being answered.", Content: problem}
}

// operationID names an operation: getConflicts, postMappingsMappingPause.
func operationID(rt *route) string {
	id := strings.ToLower(rt.method())
	for part := range strings.FieldsFuncSeq(strings.TrimPrefix(rt.path(), "/api/v1"), func(r rune) bool { return strings.ContainsRune("/{}.", r) }) {
		id += strings.ToUpper(part[:1]) + part[1:]
	}
	return id
}

func (p param) schema() *schema {
	switch p.kind {
	case numberParam:
		return &schema{Type: "integer", Format: "int64", Minimum: new(int)}
	case flagParam:
		return &schema{Type: "boolean"}
	case timeParam:
		return &schema{Type: "string", Format: "date-time"}
	}
	return &schema{Type: "string", Enum: p.words}
}

// schemas makes schemas of Go types. Structs with a name are shared.
type schemas struct {
	named map[string]*schema
	types map[string]reflect.Type
	err   error
}

var (
	timeType    = reflect.TypeFor[time.Time]()
	rawType     = reflect.TypeFor[json.RawMessage]()
	scopeType   = reflect.TypeFor[Scope]()
	textType    = reflect.TypeFor[encoding.TextMarshaler]()
	marshalType = reflect.TypeFor[json.Marshaler]()
)

// of returns the schema of a type as encoding/json writes it. strict is for
// bodies, whose unknown keys are errors.
func (k *schemas) of(t reflect.Type, strict bool) *schema {
	switch {
	case t == timeType:
		return &schema{Type: "string", Format: "date-time"}
	case t == rawType:
		return &schema{}
	case t == scopeType:
		words := make([]string, len(Scopes()))
		for i, s := range Scopes() {
			words[i] = string(s)
		}
		return &schema{Type: "string", Enum: words}
	case t.Implements(textType):
		return &schema{Type: "string"}
	case t.Implements(marshalType):
		return &schema{} // it writes what it likes
	}
	switch t.Kind() {
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &schema{Type: "integer", Format: "int64"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer", Minimum: new(int)}
	case reflect.Pointer:
		return k.of(t.Elem(), strict)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &schema{Type: "string", Format: "byte"}
		}
		return &schema{Type: "array", Items: k.of(t.Elem(), strict)}
	case reflect.Array:
		return &schema{Type: "array", Items: k.of(t.Elem(), strict), MinItems: t.Len(), MaxItems: t.Len()}
	case reflect.Map:
		return &schema{Type: "object", Additional: k.of(t.Elem(), strict)}
	case reflect.Struct:
		return k.object(t, strict)
	case reflect.Interface:
		return &schema{}
	}
	k.err = fmt.Errorf("the API cannot describe %s", t)
	return &schema{}
}

// object returns a reference to the schema of a struct.
func (k *schemas) object(t reflect.Type, strict bool) *schema {
	name := typeName(t)
	ref := &schema{Ref: "#/components/schemas/" + name}
	if old, ok := k.types[name]; ok {
		if old != t {
			k.err = fmt.Errorf("two types of the API are named %s: %s and %s", name, old, t)
		}
		if strict {
			k.named[name].Additional = false
		}
		return ref
	}
	s := &schema{Type: "object", Properties: map[string]*schema{}}
	if strict {
		s.Additional = false
	}
	k.types[name], k.named[name] = t, s
	k.fields(s, t, strict)
	slices.Sort(s.Required)
	return ref
}

// fields adds a struct's fields; those of an embedded one count as its own.
func (k *schemas) fields(s *schema, t reflect.Type, strict bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			k.fields(s, embedded, strict)
			continue
		case !f.IsExported() || name == "-":
			continue
		case name == "":
			name = f.Name
		}
		field := k.of(f.Type, strict)
		if !strings.Contains(options, "omit") {
			if !strict {
				s.Required = append(s.Required, name)
			}
			if kind := f.Type.Kind(); (kind == reflect.Pointer || kind == reflect.Slice || kind == reflect.Map) && f.Type != rawType {
				field = nullable(field)
			}
		}
		s.Properties[name] = field
	}
}

// nullable lets a schema be null; a reference takes no word beside it.
func nullable(s *schema) *schema {
	if s.Ref != "" {
		return &schema{AllOf: []*schema{s}, Nullable: true}
	}
	s.Nullable = true
	return s
}

// typeName names a struct in the document: LinkRow, ListOfLinkRow.
func typeName(t reflect.Type) string {
	name, inner, generic := strings.Cut(t.Name(), "[")
	if !generic {
		return name
	}
	inner = strings.TrimSuffix(inner, "]")
	return name + "Of" + inner[strings.LastIndex(inner, ".")+1:]
}

// openAPIRoute serves the description itself, which *text will hold.
func openAPIRoute(text *[]byte) route {
	return route{
		pattern: "GET " + openAPIPath, open: "the description is public", group: groupHealth,
		summary: "This description.", media: jsonMedia,
		serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonMedia)
			_, _ = w.Write(*text) // the client has gone, if not
		},
	}
}
