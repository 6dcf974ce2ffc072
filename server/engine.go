package server

import (
	"context"
	"io"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// Engine is what the server asks of the engine; *engine.Engine is one.
type Engine interface {
	Receive(ctx context.Context, connection string, req connectors.WebhookRequest) (connectors.Delivery, error)
	Preview(ctx context.Context, mapping, record string) (*engine.Preview, error)
	Press(ctx context.Context, mapping, record, by string) (*engine.Conversion, error)
	Operator
	// Tally counts how a mapping's records stand.
	Tally(ctx context.Context, mapping string) (*engine.Tally, error)
	// Ready returns nil when webhooks can be taken in.
	Ready(ctx context.Context) error
}

// Operator is what people and programs that look after the service ask for.
type Operator interface {
	Status(ctx context.Context) (*engine.Status, error)
	Links(ctx context.Context, mapping string, after uint64, limit int) ([]engine.LinkRow, error)
	Asides(ctx context.Context, mapping string, conflictsOnly bool, after uint64, limit int) ([]engine.AsideRow, error)
	ShowConflict(ctx context.Context, link uint64, rule uint32) (*engine.ConflictView, error)
	Resolve(ctx context.Context, link uint64, rule uint32, choice, by string) error
	ResolveMany(ctx context.Context, o engine.ResolveOrder, by string) (*engine.Resolved, error)
	Queue(ctx context.Context, f engine.QueueFilter) ([]engine.QueueRow, error)
	Retry(ctx context.Context, f engine.QueueFilter) (int, error)
	Replay(ctx context.Context, o engine.ReplayOrder, by string) (*engine.Replayed, error)
	History(ctx context.Context, f engine.HistoryFilter) ([]engine.EventRow, error)
	// Undo puts back what writes replaced; Verify follows the journal's chain.
	Undo(ctx context.Context, order engine.UndoOrder, o engine.UndoOptions) (*engine.Undone, error)
	Verify(ctx context.Context, expect string) (*engine.Verified, error)
	Explain(ctx context.Context, record string, o engine.ExplainOptions) (*engine.Explanation, error)
	// Pause and Resume take the name of a mapping or a connection; where both
	// have it, "mapping:NAME" or "connection:NAME".
	Pause(ctx context.Context, name, reason, by string) (*engine.Pause, error)
	Resume(ctx context.Context, name, by string) error

	// WritePlan, Apply, Adopt and Match are long work: jobs of the service.
	MappingSides(ctx context.Context, mapping string) (*engine.MappingSides, error)
	WritePlan(ctx context.Context, mappings []string, file io.Writer, o engine.PlanOptions) ([]*engine.Plan, error)
	Apply(ctx context.Context, plan io.ReadSeeker, o engine.ApplyOptions) (*engine.Applied, error)
	Adopt(ctx context.Context, o engine.LinkOrder, progress func(engine.SyncProgress)) (*engine.Adopted, error)
	Match(ctx context.Context, o engine.MatchOrder, report io.Writer, progress func(engine.SyncProgress)) (*engine.Adopted, error)
	Unlink(ctx context.Context, link uint64, by string) (*engine.LinkRow, error)
}
