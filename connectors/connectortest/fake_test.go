package connectortest_test

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// fake is a connection that passes on what it does not break. What is broken
// runs one call at a time, so that breakages may keep notes.
type fake struct {
	*memory.Connection
	w  *world
	mu sync.Mutex

	facts        func(connectors.Facts) connectors.Facts
	check        func(connectors.Account, error) (connectors.Account, error)
	schema       func(*connectors.Schema, error) (*connectors.Schema, error)
	read         func(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error)
	changes      func(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error)
	create       func(ctx context.Context, creates []connectors.Create) []connectors.WriteResult
	update       func(ctx context.Context, updates []connectors.Update) []connectors.WriteResult
	byKey        func(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error)
	close        func() error
	locate       func(ctx context.Context, text string) (connectors.Ref, error)
	normalID     func(id string) string
	find         func(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, limit int) ([][]string, error)
	people       func(ctx context.Context, emails []string) ([]connectors.Person, error)
	parse        func(req connectors.WebhookRequest) (connectors.Delivery, error)
	comments     func(ctx context.Context, object, id string) ([]connectors.Comment, error)
	manyComments func(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error)
	comment      func(ctx context.Context, object, id string, c connectors.Comment) (string, error)
	files        func(ctx context.Context, object, id string) ([]connectors.Attachment, error)
	filesOf      func(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error)
	addFile      func(ctx context.Context, object, id string, n connectors.NewFile) (string, error)
	openFile     func(ctx context.Context, object, id, fileID string) (io.ReadCloser, error)
	addLink      func(ctx context.Context, object, id string, l connectors.NewLink) (string, error)
	history      func(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error)
	delete       func(ctx context.Context, object string, ids []string) []error
	archive      func(ctx context.Context, object string, ids []string) []error
	rights       func(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error)
	stream       func(ctx context.Context, sels []connectors.Selection, cursor string, tell func(context.Context, connectors.StreamBatch) error) error
	anyObject    bool
}

func (f *fake) Facts() connectors.Facts {
	if f.facts != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.facts(f.Connection.Facts())
	}
	return f.Connection.Facts()
}

func (f *fake) Check(ctx context.Context) (connectors.Account, error) {
	a, err := f.Connection.Check(ctx)
	if f.check != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.check(a, err)
	}
	return a, err
}

func (f *fake) Schema(ctx context.Context, object string, scope connectors.Scope) (*connectors.Schema, error) {
	if f.anyObject {
		return f.Connection.Schema(ctx, "record", nil)
	}
	s, err := f.Connection.Schema(ctx, object, scope)
	if f.schema != nil && err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.schema(s, err)
	}
	return s, err
}

func (f *fake) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	if f.read != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.read(ctx, sel, ids)
	}
	return f.Connection.Read(ctx, sel, ids)
}

func (f *fake) Changes(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
	if f.changes != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.changes(ctx, sel, cursor)
	}
	return f.Connection.Changes(ctx, sel, cursor)
}

func (f *fake) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	if f.create != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.create(ctx, creates)
	}
	return f.Connection.Create(ctx, creates)
}

func (f *fake) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	if f.update != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.update(ctx, updates)
	}
	return f.Connection.Update(ctx, updates)
}

func (f *fake) FindByKey(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
	if f.byKey != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.byKey(ctx, object, scope, keys)
	}
	return f.Connection.FindByKey(ctx, object, scope, keys)
}

func (f *fake) Close() error {
	if f.close != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.close()
	}
	return f.Connection.Close()
}

// Abilities hands out the fake itself wherever the connection has an ability.
func (f *fake) Abilities() connectors.Abilities {
	return connectors.Abilities{
		Finder: f, PeopleFinder: f, WebhookSource: f, Commenter: f,
		HistoryReader: f, Deleter: f, Archiver: f, Preparer: f.Connection, Locator: f, RightsChecker: f, Streamer: f, Filer: f, IDNormaliser: f,
	}
}

func (f *fake) NormalID(id string) string {
	if f.normalID != nil {
		return f.normalID(id)
	}
	return id
}

func (f *fake) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	if f.rights != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.rights(ctx, needs)
	}
	return f.Connection.MissingRights(ctx, needs)
}

func (f *fake) Stream(ctx context.Context, sels []connectors.Selection, cursor string, tell func(context.Context, connectors.StreamBatch) error) error {
	if f.stream != nil {
		return f.stream(ctx, sels, cursor, tell)
	}
	return f.Connection.Stream(ctx, sels, cursor, tell)
}

func (f *fake) Locate(ctx context.Context, text string) (connectors.Ref, error) {
	if f.locate != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.locate(ctx, text)
	}
	return f.Connection.Locate(ctx, text)
}

func (f *fake) Find(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, limit int) ([][]string, error) {
	if f.find != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.find(ctx, sel, field, values, limit)
	}
	return f.Connection.Find(ctx, sel, field, values, limit)
}

func (f *fake) PeopleByEmail(ctx context.Context, emails []string) ([]connectors.Person, error) {
	if f.people != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.people(ctx, emails)
	}
	return f.Connection.PeopleByEmail(ctx, emails)
}

func (f *fake) ParseWebhook(req connectors.WebhookRequest) (connectors.Delivery, error) {
	if f.parse != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.parse(req)
	}
	return f.Connection.ParseWebhook(req)
}

func (f *fake) Comments(ctx context.Context, object, id string) ([]connectors.Comment, error) {
	if f.comments != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.comments(ctx, object, id)
	}
	return f.Connection.Comments(ctx, object, id)
}

func (f *fake) CommentsOf(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
	if f.manyComments != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.manyComments(ctx, object, ids)
	}
	if f.comments == nil {
		return f.Connection.CommentsOf(ctx, object, ids)
	}
	results := make([]connectors.CommentsResult, len(ids))
	for i, id := range ids {
		results[i].Comments, results[i].Err = f.Comments(ctx, object, id)
	}
	return results, nil
}

func (f *fake) AddComment(ctx context.Context, object, id string, c connectors.Comment) (string, error) {
	if f.comment != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.comment(ctx, object, id, c)
	}
	return f.Connection.AddComment(ctx, object, id, c)
}

func (f *fake) Files(ctx context.Context, object, id string) ([]connectors.Attachment, error) {
	if f.files != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.files(ctx, object, id)
	}
	return f.Connection.Files(ctx, object, id)
}

func (f *fake) FilesOf(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
	if f.filesOf != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.filesOf(ctx, object, ids)
	}
	return f.Connection.FilesOf(ctx, object, ids)
}

func (f *fake) AddFile(ctx context.Context, object, id string, n connectors.NewFile) (string, error) {
	if f.addFile != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.addFile(ctx, object, id, n)
	}
	return f.Connection.AddFile(ctx, object, id, n)
}

func (f *fake) OpenFile(ctx context.Context, object, id, fileID string) (io.ReadCloser, error) {
	if f.openFile != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.openFile(ctx, object, id, fileID)
	}
	return f.Connection.OpenFile(ctx, object, id, fileID)
}

func (f *fake) AddLink(ctx context.Context, object, id string, l connectors.NewLink) (string, error) {
	if f.addLink != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.addLink(ctx, object, id, l)
	}
	return f.Connection.AddLink(ctx, object, id, l)
}

func (f *fake) History(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
	if f.history != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.history(ctx, object, ids, fields, since)
	}
	return f.Connection.History(ctx, object, ids, fields, since)
}

func (f *fake) Delete(ctx context.Context, object string, ids []string) []error {
	if f.delete != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.delete(ctx, object, ids)
	}
	return f.Connection.Delete(ctx, object, ids)
}

func (f *fake) Archive(ctx context.Context, object string, ids []string) []error {
	if f.archive != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.archive(ctx, object, ids)
	}
	return f.Connection.Archive(ctx, object, ids)
}
