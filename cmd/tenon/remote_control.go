package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// target returns the address of what a name stands for: a mapping or a
// connection, which the service is asked for where the name does not say.
func (r *remote) target(ctx context.Context, op, name string) (string, error) {
	kind, bare, told := strings.Cut(name, ":")
	if !told {
		s, err := r.Status(ctx)
		if err != nil {
			return "", err
		}
		isMapping, isConnection := false, false
		for _, m := range s.Mappings {
			isMapping = isMapping || m.Name == name
		}
		for _, c := range s.Connections {
			isConnection = isConnection || c.Name == name
		}
		switch {
		case isMapping && isConnection:
			return "", fail(exitFound, "write mapping:"+name+" or connection:"+name, "%s: %q is a mapping and a connection", op, name)
		case !isMapping && !isConnection:
			return "", fail(exitFound, "`tenon status` lists both", "%s: no mapping and no connection is named %q", op, name)
		case isMapping:
			kind = "mapping"
		default:
			kind = "connection"
		}
		bare = name
	}
	return "/api/v1/" + url.PathEscape(kind) + "s/" + url.PathEscape(bare), nil
}

// Pause implements server.Operator, as does Resume.
func (r *remote) Pause(ctx context.Context, name, reason, _ string) (*engine.Pause, error) {
	path, err := r.target(ctx, "pause", name)
	if err != nil {
		return nil, err
	}
	var p engine.Pause
	return &p, r.do(ctx, http.MethodPost, path+"/pause", nil, server.PauseOrder{Reason: reason}, &p)
}

func (r *remote) Resume(ctx context.Context, name, _ string) error {
	path, err := r.target(ctx, "resume", name)
	if err != nil {
		return err
	}
	return r.do(ctx, http.MethodPost, path+"/resume", nil, nil, io.Discard)
}

// conflictPath is the address of one conflict.
func conflictPath(link uint64, rule uint32) string {
	return "conflicts/" + text(link) + "/" + text(uint64(rule))
}

// ShowConflict implements server.Operator, as do the methods below.
func (r *remote) ShowConflict(ctx context.Context, link uint64, rule uint32) (*engine.ConflictView, error) {
	var v engine.ConflictView
	return &v, r.get(ctx, conflictPath(link, rule), nil, &v)
}

func (r *remote) Resolve(ctx context.Context, link uint64, rule uint32, choice, _ string) error {
	return r.do(ctx, http.MethodPost, "/api/v1/"+conflictPath(link, rule), nil, server.Choice{Choice: choice}, io.Discard)
}

func (r *remote) ResolveMany(ctx context.Context, o engine.ResolveOrder, _ string) (*engine.Resolved, error) {
	var out engine.Resolved
	return &out, r.do(ctx, http.MethodPost, "/api/v1/conflicts/resolve", nil, o, &out)
}

func (r *remote) Replay(ctx context.Context, o engine.ReplayOrder, _ string) (*engine.Replayed, error) {
	var out engine.Replayed
	return &out, r.do(ctx, http.MethodPost, "/api/v1/replay", nil, o, &out)
}
