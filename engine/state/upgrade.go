package state

import "encoding/binary"

// upgradePage is how many rows an upgrade reads before it writes them anew.
const upgradePage = 500

// chainJournal is the step from layout 1 to 2: each event gets its place in the
// chain. Layout 1 knew no runs and did not tell which field was written.
func chainJournal(w Writer) error {
	t := &tx{r: w, w: w}
	var last Mark
	for from := []byte(nil); ; from = key64(last.Seq + 1) {
		var page []*storedEvent
		err := t.scan(SpaceJournal, Range{From: from}, func(k, v []byte) (bool, error) {
			e, err := t.readEvent1(k, v)
			page = append(page, e)
			return len(page) < upgradePage, err
		})
		if err != nil {
			return err
		}
		for _, e := range page {
			if last.Seq == 0 && e.Seq > 1 { // what came before is pruned
				last.Seq = e.Seq - 1
				if err := t.putMark(baseKey, last); err != nil {
					return err
				}
			}
			e.chain = e.link(last.Hash)
			if err := t.putEvent(e); err != nil {
				return err
			}
			last = Mark{e.Seq, e.chain}
		}
		if len(page) < upgradePage {
			break
		}
	}
	if last.Seq == 0 { // all are pruned
		n, err := t.number(SpaceMeta, []byte(sequenceJournal))
		if err != nil || n == 0 {
			return err
		}
		last.Seq = n
		if err := t.putMark(baseKey, last); err != nil {
			return err
		}
	}
	return t.putMark(headKey, last)
}

// readEvent1 reads an event of layout 1.
func (t *tx) readEvent1(k, v []byte) (*storedEvent, error) {
	if len(k) != 8 {
		return nil, damaged(SpaceJournal, k, "malformed")
	}
	d, err := unframeAs(1, SpaceJournal, k, v)
	if err != nil {
		return nil, err
	}
	e := &storedEvent{}
	e.Seq = binary.BigEndian.Uint64(k)
	e.mapping = d.uint32()
	e.Link = d.uint()
	e.prev = d.uint()
	e.At = d.time()
	e.Action = d.words()
	e.Records[0] = d.id()
	e.Records[1] = d.id()
	e.To = d.byte()
	e.Source = d.words()
	e.Code = d.string()
	e.Detail = d.string()
	if n := d.count(4); n > 0 {
		e.Fields = make([]EventField, n)
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		f.Rule = d.uint32()
		f.Name = d.string()
		f.Why = d.words()
		f.Replaced = d.bytes()
	}
	if err := d.end(SpaceJournal, k); err != nil {
		return nil, err
	}
	if e.mapping != 0 {
		e.Mapping, err = t.name(e.mapping)
	}
	return e, err
}
