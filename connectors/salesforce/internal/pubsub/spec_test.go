package pubsub_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tenonsync/tenon/connectors/salesforce/internal/pubsub/eventbus"
	"github.com/tenonsync/tenon/sandbox/salesforce/pubsub/wire"
)

var (
	protoComment = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	protoMessage = regexp.MustCompile(`(?s)message (\w+) \{(.*?)\}`)
	protoField   = regexp.MustCompile(`(repeated )?(\w+) (\w+) = (\d+);`)
	protoCall    = regexp.MustCompile(`rpc (\w+) ?\((stream )?(\w+)\) returns \((stream )?(\w+)\)`)
)

// TestTheWireIsTheVendors holds both ends to the published .proto, where it is at
// hand: every field that is spoken has the vendor's name, number and type.
func TestTheWireIsTheVendors(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "..", "shared", "specs", "salesforce-pubsub.proto"))
	if err != nil {
		t.Skip("the specification is not here")
	}
	text := protoComment.ReplaceAllString(string(raw), "")
	fields := map[string]string{} // "Message.field" to "repeated type = number"
	for _, m := range protoMessage.FindAllStringSubmatch(text, -1) {
		for _, f := range protoField.FindAllStringSubmatch(m[2], -1) {
			fields[m[1]+"."+f[3]] = f[1] + f[2] + " = " + f[4]
		}
	}
	if len(fields) < 40 {
		t.Fatalf("only %d fields in the specification", len(fields))
	}
	for _, file := range []protoreflect.FileDescriptor{eventbus.File_eventbus_proto, wire.File_pubsub_proto} {
		for i := range file.Messages().Len() {
			m := file.Messages().Get(i)
			for j := range m.Fields().Len() {
				f := m.Fields().Get(j)
				name := string(m.Name()) + "." + string(f.Name())
				if got, want := spoken(f), fields[name]; got != want {
					t.Errorf("%s: %s is %q, want %q", file.Package(), name, got, want)
				}
			}
		}
		presets := file.Enums().ByName("ReplayPreset").Values()
		for i := range presets.Len() {
			v := presets.Get(i)
			if !strings.Contains(text, fmt.Sprintf("%s = %d;", v.Name(), v.Number())) {
				t.Errorf("%s: the preset %s = %d is not the vendor's", file.Package(), v.Name(), v.Number())
			}
		}
	}
	calls := map[string]string{}
	for _, c := range protoCall.FindAllStringSubmatch(text, -1) {
		calls[c[1]] = c[2] + c[3] + " " + c[4] + c[5]
	}
	service := eventbus.File_eventbus_proto.Services().ByName("PubSub")
	if got, want := string(service.FullName()), wire.Service; got != want {
		t.Errorf("the client calls %s, the service is %s", got, want)
	}
	for i := range service.Methods().Len() {
		c := service.Methods().Get(i)
		stream := map[bool]string{true: "stream "}
		got := stream[c.IsStreamingClient()] + string(c.Input().Name()) + " " + stream[c.IsStreamingServer()] + string(c.Output().Name())
		if want := calls[string(c.Name())]; got != want {
			t.Errorf("%s: %q, want %q", c.Name(), got, want)
		}
	}
}

// spoken writes a field as .proto files do.
func spoken(f protoreflect.FieldDescriptor) string {
	kind := f.Kind().String()
	switch {
	case f.Message() != nil:
		kind = string(f.Message().Name())
	case f.Enum() != nil:
		kind = string(f.Enum().Name())
	}
	if f.IsList() {
		kind = "repeated " + kind
	}
	return fmt.Sprintf("%s = %d", kind, f.Number())
}
