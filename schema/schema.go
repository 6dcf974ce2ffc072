// Package schema holds the JSON Schemas by which editors check, complete and
// explain the files that people write. They are generated from the same
// specifications as the checks and the reference pages.
package schema

import "embed"

// Files are mapping.json, mapping_test.json and tenon.json.
//
//go:embed mapping.json mapping_test.json tenon.json
var Files embed.FS

// Names lists what a file of Files can describe: "mapping", "test", "tenon".
func Names() []string { return []string{"mapping", "test", "tenon"} }

// Text returns the schema of a name of Names; ok is false for other names.
func Text(name string) (text []byte, ok bool) {
	file := map[string]string{"mapping": "mapping.json", "test": "mapping_test.json", "tenon": "tenon.json"}[name]
	if file == "" {
		return nil, false
	}
	text, err := Files.ReadFile(file)
	return text, err == nil
}
