package engine

import (
	"context"
	"errors"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// carriage is one attachment on its way to the other side.
type carriage struct {
	*drain
	j       *job
	to      mapping.SideID
	file    connectors.Attachment
	reading *fileReading
	key     string
	sent    bool // something was sent to the other side
}

func (f *carriage) from() mapping.SideID { return f.to.Other() }

// carry brings the attachment to the other side unless that shows it already.
func (f *carriage) carry(ctx context.Context) error {
	j, conn := f.j, f.m.sides[f.to]
	noted := &state.Intent{}
	for _, i := range j.intents {
		if i.Key == f.key {
			noted = i
		}
	}
	if id := made(f.reading, f.to, f.key, &f.file, !noted.Sent.IsZero()); id != "" {
		f.done(id, "")
		return nil
	}
	if sent := f.lastSent(noted); !sent.IsZero() && f.now.Before(sent.Add(conn.facts.KeyWait())) {
		j.later(f.lookAgain(sent, conn), "finding", whyWait(noted, "a file"))
		return nil
	}
	if f.file.Link != "" {
		return f.link(ctx, f.file.Link)
	}
	limit, ok := f.limit(ctx)
	switch {
	case !ok:
		return nil
	case limit == 0 || f.file.Size > limit:
		return f.linkBack(ctx)
	}
	return f.copy(ctx, limit)
}

// done notes that the attachment has a copy.
func (f *carriage) done(id, action string) {
	f.reading.ledger.know(f.from(), f.file.ID)
	f.reading.ledger.know(f.to, id)
	f.j.dropIntents = append(f.j.dropIntents, f.key)
	if action != "" {
		f.j.event(action, uint8(f.to), f.file.ID+" → "+id) // names are people's data
	}
}

// refused notes that the other side will not have the attachment.
func (f *carriage) refused(reason string) {
	l := &f.reading.ledger
	l.Refused[f.from()] = append(l.Refused[f.from()], fileRefusal{ID: f.file.ID, Name: f.file.Name, Reason: reason})
	f.j.dropIntents = append(f.j.dropIntents, f.key)
}

// limit returns the size of the largest file that may go, 0 for links only.
func (f *carriage) limit(ctx context.Context) (int64, bool) {
	conn := f.m.sides[f.to]
	theirs, err := conn.can.Filer.FileLimit(ctx, f.m.Side(f.to).Object)
	f.note(conn, err)
	if err != nil {
		f.j.blame(err)
		return 0, false
	}
	if theirs >= 0 {
		return min(theirs, f.m.FileLimit()), true
	}
	return f.m.FileLimit(), true
}

// intend commits that the attachment is about to be sent.
func (f *carriage) intend(ctx context.Context) error {
	f.sent = true
	return f.commit(ctx, func(tx state.Tx) error {
		return tx.PutIntent(&state.Intent{
			Key: f.key, Kind: state.IntentFile, Mapping: f.m.Name(), Side: uint8(f.from()),
			Record: f.j.link.Ends[f.from()].ID, Part: f.file.ID, Created: f.now, Sent: f.now,
		})
	})
}

// copy streams the file over.
func (f *carriage) copy(ctx context.Context, limit int64) error {
	from := f.m.sides[f.from()]
	content, err := from.can.Filer.OpenFile(ctx, f.m.Side(f.from()).Object, f.j.link.Ends[f.from()].ID, f.file.ID)
	f.note(from, err)
	switch {
	case connectors.KindOf(err) == connectors.NotFound && err != nil:
		return nil // taken away meanwhile
	case connectors.KindOf(err) == connectors.Permission && err != nil:
		f.refused(told(err))
		return nil
	case err != nil:
		f.j.blame(err)
		return nil
	}
	defer content.Close()
	if err := f.intend(ctx); err != nil {
		return err
	}
	conn, source := f.m.sides[f.to], &source{Reader: content, left: limit}
	id, err := conn.can.Filer.AddFile(ctx, f.m.Side(f.to).Object, f.j.link.Ends[f.to].ID, connectors.NewFile{
		Key: f.key, Name: f.file.Name, Type: f.file.Type, Size: f.file.Size, Content: source,
	})
	switch {
	case err == nil:
		f.note(conn, nil)
		f.done(id, "file attached")
	case errors.Is(err, connectors.ErrFileTooLarge), errors.Is(source.err, errBeyondLimit) && !connectors.IsUnsure(err):
		return f.linkBack(ctx)
	case source.err != nil:
		f.broken(from, source.err, connectors.IsUnsure(err))
	default:
		f.failed(conn, err)
	}
	return nil
}

// broken deals with a file whose own system broke off.
func (f *carriage) broken(from *connection, err error, unsure bool) {
	if !unsure {
		f.j.dropIntents = append(f.j.dropIntents, f.key)
	}
	f.j.blame(&connectors.Error{Op: "read " + f.file.Name, Connection: from.name, Kind: connectors.Unavailable, Err: err})
}

// failed deals with what the other side answered.
func (f *carriage) failed(conn *connection, err error) {
	f.note(conn, err)
	switch kind := connectors.KindOf(err); {
	case connectors.IsUnsure(err):
		f.j.later(f.now.Add(f.limits.RetryMin), "finding", err.Error())
	case kind == connectors.Invalid || kind == connectors.Permission:
		f.refused(told(err))
	default:
		f.j.dropIntents = append(f.j.dropIntents, f.key)
		f.j.blame(err)
	}
}

// linkBack puts a link to the file in its place.
func (f *carriage) linkBack(ctx context.Context) error {
	page := f.pageOf(f.j, f.from(), &f.file)
	if page == "" {
		f.refused("it is larger than the limit, and " + f.m.sides[f.from()].name + " tells no address that a link could lead to")
		return nil
	}
	return f.link(ctx, page)
}

// link attaches a link.
func (f *carriage) link(ctx context.Context, address string) error {
	if err := f.intend(ctx); err != nil {
		return err
	}
	conn := f.m.sides[f.to]
	id, err := conn.can.Filer.AddLink(ctx, f.m.Side(f.to).Object, f.j.link.Ends[f.to].ID, connectors.NewLink{
		Key: f.key, Name: f.file.Name, URL: address,
	})
	if err != nil {
		f.failed(conn, err)
		return nil
	}
	f.note(conn, nil)
	f.done(id, "link attached")
	return nil
}
