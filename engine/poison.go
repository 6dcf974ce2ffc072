package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// One poison record must not hold up the others of its batch, nor the service:
// what breaks over it becomes that record's error. Only faults of a program
// (runtime.Error) are taken in; other panics are somebody's will.

// caught turns a fault of a program into an error of kind Internal. Call it
// deferred, with the address of the error that the function returns.
func caught(log *slog.Logger, op, connection string, err *error) {
	r := recover()
	if r == nil {
		return
	}
	fault, ok := r.(runtime.Error)
	if !ok {
		panic(r)
	}
	log.Error("a fault of the program was caught", "op", op, "connection", connection, "err", fault, "stack", string(debug.Stack()))
	*err = &connectors.Error{
		Op: op, Connection: connection, Kind: connectors.Internal, Unsure: true,
		Err: fmt.Errorf("a fault of Tenon, please report it with the log: %w", fault),
	}
}

// shield runs a stage that decides about one job.
func (d *drain) shield(j *job, op string, stage func()) {
	err := func() (err error) {
		defer caught(d.log, op, "", &err)
		stage()
		return nil
	}()
	if err != nil {
		*j = job{entry: j.entry, link: j.link, side: j.side, asides: j.asides, intents: j.intents}
		j.verdicts, j.ended = nil, true
		j.outcome = outcome{kind: outcomeRetry, code: "internal", reason: err.Error()}
	}
}

// Read implements connectors.Connection.
func (c *connection) Read(ctx context.Context, sel connectors.Selection, ids []string) (results []connectors.ReadResult, err error) {
	defer caught(c.log, "read", c.name, &err)
	return c.Connection.Read(ctx, sel, ids)
}

// Create implements connectors.Connection.
func (c *connection) Create(ctx context.Context, creates []connectors.Create) (results []connectors.WriteResult) {
	var err error
	defer func() {
		if err != nil {
			results = slices.Repeat([]connectors.WriteResult{{Err: err}}, len(creates))
		}
	}()
	defer caught(c.log, "create", c.name, &err)
	return c.Connection.Create(ctx, creates)
}

// Update implements connectors.Connection.
func (c *connection) Update(ctx context.Context, updates []connectors.Update) (results []connectors.WriteResult) {
	var err error
	defer func() {
		if err != nil {
			results = slices.Repeat([]connectors.WriteResult{{Err: err}}, len(updates))
		}
	}()
	defer caught(c.log, "update", c.name, &err)
	return c.Connection.Update(ctx, updates)
}

// Changes implements connectors.Connection.
func (c *connection) Changes(ctx context.Context, sel connectors.Selection, cursor string) (page connectors.ChangePage, err error) {
	defer caught(c.log, "list changes", c.name, &err)
	return c.Connection.Changes(ctx, sel, cursor)
}

// halvings is how many more calls a read may take that fails over some of its
// records: enough to find three among a hundred.
const halvings = 40

// readApart reads records of a side. Where the call breaks as a whole over what
// it reads, and not over the system, its halves are read by themselves, so that
// the error stays with the records that cause it.
func (d *drain) readApart(ctx context.Context, side mapping.SideID, ids []string) ([]connectors.ReadResult, error) {
	left := halvings
	var halve func(ids []string, err error) []connectors.ReadResult
	read := func(ids []string) []connectors.ReadResult {
		results, err := d.fetch(ctx, side, ids)
		if err != nil {
			return halve(ids, err)
		}
		return results
	}
	halve = func(ids []string, err error) []connectors.ReadResult {
		if kind := connectors.KindOf(err); len(ids) == 1 || left < 2 || kind != connectors.Internal && kind != connectors.Invalid || ctx.Err() != nil {
			return slices.Repeat([]connectors.ReadResult{{Err: err}}, len(ids))
		}
		left -= 2
		return append(read(ids[:len(ids)/2]), read(ids[len(ids)/2:])...)
	}
	results, err := d.fetch(ctx, side, ids)
	if kind := connectors.KindOf(err); err == nil || len(ids) == 1 || kind != connectors.Internal && kind != connectors.Invalid {
		return results, err
	}
	return halve(ids, err), nil
}

// maxSealed bounds a value that is kept for people, in bytes: all fields of one
// event have room in one row of the state.
const maxSealed = 128 << 10

// seal encrypts a value that is kept for people; nil when it is too large to
// keep.
func (d *drain) seal(v connectors.Value, purpose string) []byte {
	plain := connectors.EncodeValue(v)
	if len(plain) > maxSealed {
		return nil
	}
	return d.sealer.Seal(plain, purpose)
}

// keepApart stores what came of a batch one job at a time, after a commit of all
// was refused for what one of them holds. That one fails, visibly.
func (d *drain) keepApart(ctx context.Context) error {
	for _, j := range d.jobs {
		err := d.commit(ctx, func(tx state.Tx) error { return d.storeJob(tx, j) })
		if !errors.Is(err, state.ErrTooLarge) {
			if err != nil {
				return err
			}
			continue
		}
		d.log.Error("a result cannot be stored", "mapping", d.m.Name(), "record_id", j.entry.Record, "link_id", j.entry.Link, "err", err)
		j.spare()
		if err := d.commit(ctx, func(tx state.Tx) error {
			cur, getErr := tx.Entry(j.entry.Subject)
			if errors.Is(getErr, state.ErrNotFound) {
				return nil
			}
			if getErr != nil {
				return getErr
			}
			cur.Status, cur.Due, cur.Attempts, cur.Code, cur.Reason = state.Failed, d.now, cur.Attempts+1, "internal", err.Error()
			return tx.PutEntry(cur)
		}); err != nil {
			return err
		}
	}
	return nil
}

// maxReason bounds a reason in words, in bytes: systems answer with whole pages.
const maxReason = 2000

// brief cuts a reason to what people read.
func brief(reason string) string { return cut(reason, maxReason) }

// cut shortens a text to so many bytes, between two letters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most] + " …"
}
