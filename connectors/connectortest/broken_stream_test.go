package connectortest_test

import (
	"context"
	"maps"

	"github.com/tenonsync/tenon/connectors"
)

type tellFunc = func(context.Context, connectors.StreamBatch) error

// eachBatch breaks the batches of streams.
func eachBatch(change func(b connectors.StreamBatch) connectors.StreamBatch) func(*fake) {
	return func(f *fake) {
		f.stream = func(ctx context.Context, sels []connectors.Selection, cursor string, tell func(context.Context, connectors.StreamBatch) error) error {
			return f.Connection.Stream(ctx, sels, cursor, func(ctx context.Context, b connectors.StreamBatch) error { return tell(ctx, change(b)) })
		}
	}
}

// streamed breaks the opening of streams.
func streamed(open func(ctx context.Context, f *fake, sels []connectors.Selection, cursor string, tell tellFunc) error) func(*fake) {
	return func(f *fake) {
		f.stream = func(ctx context.Context, sels []connectors.Selection, cursor string, tell tellFunc) error {
			return open(ctx, f, sels, cursor, tell)
		}
	}
}

var brokenStreams = []breakage{
	{"stream tells another record", "stream", eachBatch(func(b connectors.StreamBatch) connectors.StreamBatch {
		for i := range b.Hints {
			b.Hints[i].ID += "0"
		}
		return b
	})},
	{"stream hides its gaps", "stream", eachBatch(func(b connectors.StreamBatch) connectors.StreamBatch {
		b.Gap = ""
		return b
	})},
	{"stream has no cursor", "stream", eachBatch(func(b connectors.StreamBatch) connectors.StreamBatch {
		b.Cursor = ""
		return b
	})},
	{"stream does not say what it is silent on", "stream", eachBatch(func(b connectors.StreamBatch) connectors.StreamBatch {
		b.Silent = maps.Clone(b.Silent)
		clear(b.Silent)
		return b
	})},
	{"stream's cursor is ahead", "stream", streamed(func(ctx context.Context, f *fake, sels []connectors.Selection, cursor string, tell tellFunc) error {
		if cursor != "" { // what was not told before is passed over
			cursor = ""
			return f.Connection.Stream(ctx, sels, cursor, func(ctx context.Context, b connectors.StreamBatch) error {
				b.Gap = ""
				return tell(ctx, b)
			})
		}
		return f.Connection.Stream(ctx, sels, cursor, tell)
	})},
	{"stream swallows the error of tell", "stream", streamed(func(ctx context.Context, f *fake, sels []connectors.Selection, cursor string, tell tellFunc) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		err := f.Connection.Stream(ctx, sels, cursor, func(ctx context.Context, b connectors.StreamBatch) error {
			if tell(ctx, b) != nil {
				cancel()
			}
			return nil
		})
		return err
	})},
	{"stream ends without an error", "stream", streamed(func(ctx context.Context, f *fake, sels []connectors.Selection, cursor string, tell tellFunc) error {
		_ = f.Connection.Stream(ctx, sels, cursor, tell)
		return nil
	})},
	{"stream refuses a foreign cursor", "stream", streamed(func(ctx context.Context, f *fake, sels []connectors.Selection, cursor string, tell tellFunc) error {
		if cursor == "no cursor of ours" {
			return &connectors.Error{Op: "stream", Connection: "fake", Kind: connectors.Invalid}
		}
		return f.Connection.Stream(ctx, sels, cursor, tell)
	})},
}
