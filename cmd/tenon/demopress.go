package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/examples/stage"
)

// inStep says why a source and its counterparts do not agree.
func (s *story) inStep(id string) error {
	for _, a := range s.acts {
		r, err := a.From.Get(id)
		if err == nil {
			err = a.Agrees(r)
		}
		if err != nil {
			return err
		}
	}
	return stage.RolledUp(s.acts, id)
}

// button returns the address that Tenon wrote into a source.
func (s *story) button(ctx context.Context, id string) (string, error) {
	a, address := s.acts[0], ""
	err := await(ctx, func() error {
		r, err := a.From.Get(id)
		if err != nil {
			return err
		}
		if address = r.Fields[a.Source.Button]; address == "" {
			return fmt.Errorf("%s %s shows no button", a.Source.Noun, id)
		}
		return nil
	})
	return address, err
}

// press presses the button of a source until the work is done.
func (s *story) press(ctx context.Context, id string) (engine.Conversion, error) {
	address, err := s.button(ctx, id)
	if err != nil {
		return engine.Conversion{}, err
	}
	var made engine.Conversion
	err = await(ctx, func() error {
		if err := call(ctx, http.MethodPost, address, &made); err != nil {
			return err
		}
		if made.State != "done" {
			return fmt.Errorf("the conversion is %s: %s", made.State, made.Reason)
		}
		return nil
	})
	return made, err
}

// call asks Tenon as a program does and decodes the answer.
func call(ctx context.Context, method, address string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, strings.TrimSpace(string(text)))
	}
	return json.Unmarshal(text, out)
}

func since(start time.Time) string { return fmt.Sprintf("after %.1f s", time.Since(start).Seconds()) }
