package state

import "github.com/tenonsync/tenon/connectors"

func encodeEntry(x *encoder, e *Entry) {
	x.byte(e.Sides)
	x.byte(byte(e.Priority))
	x.byte(byte(e.Status))
	x.time(e.Due)
	x.time(e.First)
	x.uint(e.Gen)
	x.uint(uint64(max(e.Attempts, 0)))
	x.string(e.Code)
	x.string(e.Reason)
	x.words(e.Source)
	x.bool(e.Convert)
}

// decodeEntry returns the entry without its subject.
func decodeEntry(d *decoder) *Entry {
	e := &Entry{}
	e.Sides = d.byte()
	e.Priority = connectors.Priority(d.byte())
	e.Status = Status(d.byte())
	e.Due = d.time()
	e.First = d.time()
	e.Gen = d.uint()
	e.Attempts = int(d.below(1 << 62))
	e.Code = d.string()
	e.Reason = d.string()
	e.Source = d.words()
	e.Convert = d.bool()
	return e
}

func encodeIntent(x *encoder, i *Intent, mapping uint32) {
	x.byte(byte(i.Kind))
	x.uint(uint64(mapping))
	x.byte(i.Side)
	x.string(i.Record)
	x.string(i.Part)
	x.time(i.Created)
	x.time(i.Sent)
	x.string(i.Result)
	x.bytes(i.Doc)
}

func decodeIntent(d *decoder, key string) (i *Intent, mapping uint32) {
	i = &Intent{Key: key}
	i.Kind = IntentKind(d.byte())
	mapping = d.uint32()
	i.Side = d.byte()
	i.Record = d.string()
	i.Part = d.string()
	i.Created = d.time()
	i.Sent = d.time()
	i.Result = d.string()
	i.Doc = d.bytes()
	return i, mapping
}

func encodeAside(x *encoder, a *Aside, mapping uint32) {
	x.uint(uint64(mapping))
	x.byte(byte(a.Kind))
	x.string(a.Name)
	x.time(a.Since)
	x.byte(a.To)
	x.fixed64(uint64(a.Prints[0]))
	x.fixed64(uint64(a.Prints[1]))
	x.string(a.Code)
	x.string(a.Reason)
	x.bytes(a.Values[0])
	x.bytes(a.Values[1])
	x.string(a.Choice)
}

func decodeAside(d *decoder, link uint64, rule uint32) (a *Aside, mapping uint32) {
	a = &Aside{Link: link, Rule: rule}
	mapping = d.uint32()
	a.Kind = AsideKind(d.byte())
	a.Name = d.string()
	a.Since = d.time()
	a.To = d.byte()
	a.Prints[0] = Print(d.fixed64())
	a.Prints[1] = Print(d.fixed64())
	a.Code = d.string()
	a.Reason = d.string()
	a.Values[0] = d.bytes()
	a.Values[1] = d.bytes()
	a.Choice = d.string()
	return a, mapping
}

// usual are the texts that most events and entries have in places of few
// words. They are stored by their place in this list, which only grows.
var usual = [...]string{
	"", "webhook", "poll", "button", "sweep", "sync", "retry", "resolve", "start", "person", "guard", "plan",
	"no difference", "updated", "created", "linked", "agreed", "conflict", "set aside", "unlinked", "comment copied",
	"task created", "pressed", "drift", "not found", "merged", "tasks failed", "first sync", "created with it",
	"run started", "undone", "serve", "apply", "undo", "replay",
}

var usualAt = func() map[string]byte {
	at := make(map[string]byte, len(usual))
	for i, s := range usual {
		at[s] = byte(i) + 1
	}
	return at
}()

// words writes a text that is mostly a usual one.
func (e *encoder) words(s string) {
	at := usualAt[s]
	if e.byte(at); at == 0 {
		e.string(s)
	}
}

func (d *decoder) words() string {
	switch at := int(d.byte()); {
	case at == 0:
		return d.string()
	case at <= len(usual):
		return usual[at-1]
	}
	d.fail()
	return ""
}
