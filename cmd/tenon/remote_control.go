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
