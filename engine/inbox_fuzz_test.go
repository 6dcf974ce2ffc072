package engine

import (
	"bytes"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// FuzzParcel reads any bytes as a delivery in the inbox: what is read is written
// and read again the same.
func FuzzParcel(f *testing.F) {
	f.Add((&parcel{}).encode())
	f.Add((&parcel{
		connection: "crm", delivery: "d-1", at: time.UnixMicro(1772445600000000).UTC(),
		hints: []connectors.Change{{Object: "deals", ID: "42", Version: "v"}, {Object: "deals", ID: "43"}},
	}).encode())
	f.Add([]byte{parcelVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{parcelVersion, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stored []byte) {
		p, err := decodeParcel(stored)
		if err != nil {
			return
		}
		once := p.encode()
		again, err := decodeParcel(once)
		if err != nil || !bytes.Equal(again.encode(), once) || len(again.hints) != len(p.hints) {
			t.Errorf("%+v comes back as %+v, %v", p, again, err)
		}
	})
}
