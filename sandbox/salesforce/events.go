package salesforce

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/salesforce/pubsub"
)

// defaultEvents are the objects whose changes are told from the start.
var defaultEvents = []string{"Opportunity", "Account", "Contact", "Case", "Project__c"}

// Events returns the organisation's change events: who is selected, gaps and
// cuts on demand.
func (s *System) Events() *pubsub.Server { return s.events }

// ServeEvents answers the Pub/Sub API (gRPC in clear text) on a listener until
// Close.
func (s *System) ServeEvents(l net.Listener) error { return s.events.Serve(l) }

// startEvents begins to tell commits.
func (s *System) startEvents() {
	s.events = pubsub.New(pubsub.Options{
		Clock: s.clock, Org: s.OrgID, Object: s.eventObject, Hidden: s.Hidden, Channels: s.eventChannels,
		Login: func(token string) bool {
			_, ok := s.Session(token)
			return ok
		},
	})
	chosen := slices.DeleteFunc(slices.Clone(defaultEvents), func(name string) bool {
		_, ok := s.Object(name)
		return !ok
	})
	if err := s.events.Select(chosen...); err != nil {
		panic("salesforce: " + err.Error())
	}
	s.Listen(func(c Commit) {
		t := pubsub.Transaction{Key: c.Transaction, At: c.At, Number: c.Number, User: c.User, Origin: c.Origin}
		for _, change := range c.Changes {
			t.Changes = append(t.Changes, pubsub.Change{Object: change.Object, ID: change.ID, Type: string(change.Kind), Changed: change.Fields, Values: change.Values})
		}
		s.events.PublishFunc(func() pubsub.Transaction {
			for i := range t.Changes {
				s.asEvent(&t.Changes[i])
			}
			return t
		})
	})
}

// eventChannels returns the objects of the channels that clients made.
func (s *System) eventChannels() map[string][]string {
	channels := map[string][]string{}
	for _, m := range s.ChannelMembers() {
		name := strings.TrimSuffix(m.Entity, "ChangeEvent")
		if custom, ok := strings.CutSuffix(name, "__"); ok {
			name = custom + "__c"
		}
		if o, ok := s.Object(name); ok {
			channels[m.Channel] = append(channels[m.Channel], o.Name)
		}
	}
	return channels
}

// unevented are the fields that events never hold.
var unevented = []string{"Id", "IsDeleted", "SystemModstamp", "LastActivityDate", "LastViewedDate", "LastReferencedDate", "PhotoUrl"}

// The record types of compound fields.
var (
	addressParts = []string{"Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode", "Latitude", "Longitude", "Xyz", "GeocodeAccuracy"}
	nameParts    = []string{"Salutation", "FirstName", "LastName", "MiddleName", "InformalName", "Suffix"}
)

// eventObject describes the events of an object.
func (s *System) eventObject(name string) (pubsub.Object, bool) {
	info, ok := s.Object(name)
	if !ok {
		return pubsub.Object{}, false
	}
	o := pubsub.Object{Name: info.Name}
	for _, f := range info.Fields {
		if slices.Contains(unevented, f.Name) || f.Compound != "" || f.Calculated && f.Type != "address" && f.Name != "Name" {
			continue
		}
		field := pubsub.Field{Name: f.Name}
		switch f.Type {
		case "boolean":
			field.Kind = pubsub.Boolean
		case "int":
			field.Kind = pubsub.Int
		case "long", "date", "datetime":
			field.Kind = pubsub.Long
		case "double", "currency", "percent":
			field.Kind = pubsub.Double
		case "address":
			field.Kind, field.Type = pubsub.Compound, "Address"
			for _, part := range addressParts {
				p := pubsub.Field{Name: part}
				if part == "Latitude" || part == "Longitude" {
					p.Kind = pubsub.Double
				}
				field.Parts = append(field.Parts, p)
			}
		case "base64", "location":
			continue
		}
		if f.Name == "Name" && (info.Name == "Account" || partOf(info, "Name")) {
			field.Kind, field.Type, field.Text = pubsub.Compound, "Switchable_PersonName", true
			for _, part := range nameParts {
				field.Parts = append(field.Parts, pubsub.Field{Name: part})
			}
		}
		o.Fields = append(o.Fields, field)
	}
	return o, true
}

// partOf reports whether an object has fields that are parts of a compound one.
func partOf(info ObjectInfo, compound string) bool {
	return slices.ContainsFunc(info.Fields, func(f FieldInfo) bool { return f.Compound == compound })
}

// asEvent brings a change into the form of events: parts stand within their
// compound fields, dates are instants.
func (s *System) asEvent(c *pubsub.Change) {
	info, ok := s.Object(c.Object)
	if !ok {
		return
	}
	values := map[string]any{}
	names := map[string]string{} // what events call a field
	for _, f := range info.Fields {
		name := f.Name
		if f.Compound != "" {
			name = f.Compound + "." + strings.TrimPrefix(f.Name, strings.TrimSuffix(f.Compound, "Address"))
			if f.Compound == "Name" {
				name = "Name." + f.Name
			}
		}
		names[f.Name] = name
		v, there := c.Values[f.Name]
		if !there || v == nil || f.Type == "address" || f.Name == "Name" && partOf(info, "Name") {
			continue
		}
		if text, ok := v.(string); ok && f.Type == "date" {
			day, err := time.Parse(time.DateOnly, text)
			if err != nil {
				continue
			}
			v = day
		}
		parent, part, compound := strings.Cut(name, ".")
		if !compound {
			values[name] = v
			continue
		}
		whole, ok := values[parent].(map[string]any)
		if !ok {
			whole = map[string]any{}
			values[parent] = whole
		}
		whole[part] = v
	}
	changed := []string{}
	for _, f := range c.Changed {
		name := names[f]
		if name == "" || name == "Name" && partOf(info, "Name") || strings.HasSuffix(name, "Address") {
			continue
		}
		changed = append(changed, name)
	}
	c.Values, c.Changed = values, changed
}

// eventRoutes adds the calls of change events to the control API.
func (s *System) eventRoutes() {
	control(s, "events/select", func(in struct {
		Objects []string `json:"objects"`
	},
	) (any, error) {
		return nil, s.events.Select(in.Objects...)
	})
	control(s, "events/gap", func(in struct {
		Object string   `json:"object"`
		Kind   string   `json:"kind"`
		IDs    []string `json:"ids"`
	},
	) (any, error) {
		if in.Kind == "" || in.Kind == "GAP_OVERFLOW" {
			s.events.Overflow(in.Object)
			return nil, nil
		}
		s.events.Gap(in.Object, in.Kind, in.IDs...)
		return nil, nil
	})
	control(s, "events/expire", func(struct{}) (any, error) { s.events.Expire(); return nil, nil })
	control(s, "events/cut", func(struct{}) (any, error) { s.events.Cut(); return nil, nil })
}
