package state

func (t *tx) findIntent(key string) (*Intent, uint32, error) {
	k := []byte(key)
	d, err := t.get(SpaceIntents, k)
	if err != nil || d == nil {
		return nil, 0, err
	}
	return t.readIntent(k, d)
}

func (t *tx) readIntent(k []byte, d *decoder) (*Intent, uint32, error) {
	i, mapping := decodeIntent(d, string(k))
	if err := d.end(SpaceIntents, k); err != nil {
		return nil, 0, err
	}
	var err error
	i.Mapping, err = t.name(mapping)
	return i, mapping, err
}

func (t *tx) Intent(key string) (*Intent, error) {
	if key == "" {
		return nil, ErrNotFound
	}
	i, _, err := t.findIntent(key)
	if err == nil && i == nil {
		err = ErrNotFound
	}
	return i, err
}

func (t *tx) PutIntent(i *Intent) error {
	if err := t.writable(); err != nil {
		return err
	}
	if err := checkName("the key of an intent", i.Key); err != nil {
		return err
	}
	if err := checkName("the record id of an intent", i.Record); err != nil {
		return err
	}
	mapping, err := t.makeNumber("the mapping of an intent", i.Mapping)
	if err != nil {
		return err
	}
	old, oldMapping, err := t.findIntent(i.Key)
	if err != nil {
		return err
	}
	is := keyIntentOf(mapping, i.Side, i.Record, i.Key)
	if old != nil {
		was := keyIntentOf(oldMapping, old.Side, old.Record, old.Key)
		if string(was) != string(is) {
			if err := t.delete(SpaceIntentOf, was); err != nil {
				return err
			}
		}
	}
	if err := t.mark(SpaceIntentOf, is); err != nil {
		return err
	}
	x := newEncoder(SpaceIntents, 64+len(i.Record)+len(i.Part)+len(i.Result)+len(i.Doc))
	encodeIntent(x, i, mapping)
	return t.put(SpaceIntents, []byte(i.Key), x)
}

func (t *tx) DeleteIntent(key string) error {
	if err := t.writable(); err != nil || key == "" {
		return err
	}
	old, mapping, err := t.findIntent(key)
	if err != nil || old == nil {
		return err
	}
	if err := t.delete(SpaceIntentOf, keyIntentOf(mapping, old.Side, old.Record, key)); err != nil {
		return err
	}
	return t.delete(SpaceIntents, []byte(key))
}

func (t *tx) IntentsOf(mapping string, side uint8, record string) ([]*Intent, error) {
	n, err := t.nameNumber(mapping)
	if err != nil || n == 0 || len(record) > maxName {
		return nil, err
	}
	head := keyIntentOf(n, side, record, "")
	var intents []*Intent
	err = t.scan(SpaceIntentOf, Prefix(head), func(k, _ []byte) (bool, error) {
		i, _, err := t.findIntent(string(k[len(head):]))
		if err == nil && i == nil {
			err = damaged(SpaceIntentOf, k, "an intent that is not there")
		}
		intents = append(intents, i)
		return true, err
	})
	return intents, err
}

// ListIntents reads past the intents of other mappings: there are few at any
// time.
func (t *tx) ListIntents(mapping, afterKey string, limit int) ([]*Intent, error) {
	if limit <= 0 {
		return nil, nil
	}
	var r Range
	if afterKey != "" {
		r.From = append([]byte(afterKey), 0)
	}
	var intents []*Intent
	err := t.scan(SpaceIntents, r, func(k, v []byte) (bool, error) {
		d, err := unframe(SpaceIntents, k, v)
		if err != nil {
			return false, err
		}
		i, _, err := t.readIntent(k, d)
		if err != nil {
			return false, err
		}
		if mapping == "" || i.Mapping == mapping {
			intents = append(intents, i)
		}
		return len(intents) < limit, nil
	})
	return intents, err
}
