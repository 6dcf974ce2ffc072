package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser returns a tab of a headless Chromium, or skips the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser; not in -short")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine: the pages are not tried in a browser")
	}
	// Not t.TempDir: the browser may still write while the folder is removed,
	// which is no fault of the pages.
	profile, err := os.MkdirTemp("", "tenon-browser-*") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
		chromedp.WSURLReadTimeout(2*time.Minute), chromedp.WindowSize(1000, 1400),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil { // the first call starts it, and its context ends it
		t.Skipf("%s does not start on this machine (%v): the pages are not tried in a browser", path, err)
	}
	return ctx
}

// TestBrowser is the story of the demo as a person lives it: press the button
// in the CRM, confirm, see the epic, edit both sides.
func TestBrowser(t *testing.T) {
	tab := browser(t)
	d := newTestDemo(t, 1, "")
	if err := d.start(interrupted(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	s := newDealStory(d)
	deal := ""
	for _, r := range s.deals() {
		if r.Properties["dealstage"] != "closedwon" && r.Properties["dealstage"] != "closedlost" {
			deal = r.ID
			break
		}
	}
	if _, err := s.button(t.Context(), deal); err != nil {
		t.Fatal(err)
	}

	do := func(what string, actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(tab, actions...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	var dealPage, jiraPage, title, shown string
	eventually(t, opened(tab, d.systems.box("hubspot").URL()+"/", fmt.Sprintf(`a[href="/deals/%s"]`, deal), `form [name="amount"]`))
	do("look for the button",
		chromedp.WaitVisible(`//a[contains(., "Convert to project")] | //button[contains(., "Convert to project")]`, chromedp.BySearch),
		chromedp.Location(&dealPage),
	)
	do("press the button and look at the preview",
		chromedp.Click(`//a[contains(., "Convert to project")] | //button[contains(., "Convert to project")]`, chromedp.BySearch),
		chromedp.WaitVisible(`#confirm`, chromedp.ByQuery),
		chromedp.Text(`main h1`, &title, chromedp.ByQuery),
		chromedp.Text(`ol.tasks`, &shown, chromedp.ByQuery),
	)
	if r, err := s.dealNow(deal); err != nil || title != r.Properties["dealname"] {
		t.Errorf("the preview is of %q, the deal is %q (%v)", title, r.Properties["dealname"], err)
	}
	if !strings.Contains(shown, "Acceptance test") || len(s.epics(deal)) != 0 {
		t.Errorf("the preview shows %q with %d epics made", shown, len(s.epics(deal)))
	}
	do("confirm and follow the link to the epic",
		chromedp.Click(`#confirm`, chromedp.ByQuery),
		chromedp.WaitVisible(`a#target`, chromedp.ByQuery),
		chromedp.Click(`a#target`, chromedp.ByQuery),
		chromedp.WaitVisible(`//*[contains(., "Acceptance test")]`, chromedp.BySearch),
		chromedp.Location(&jiraPage),
	)
	epic, err := s.epic(deal)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(jiraPage, d.systems.box("jira").URL()) || !strings.HasSuffix(jiraPage, "/"+epic.Key) {
		t.Errorf("the link leads to %s, not to %s", jiraPage, epic.Key)
	}
	eventually(t, func() error {
		r, err := s.dealNow(deal)
		if err == nil && !strings.Contains(r.Properties["project_url"], epic.Key) {
			err = fmt.Errorf("the deal does not link to %s", epic.Key)
		}
		return err
	})

	named := func(name string) func() error {
		return func() error {
			got, err := s.sameName(deal)
			if err == nil && got != name {
				err = fmt.Errorf("both sides show %q", got)
			}
			return err
		}
	}
	do("edit the deal", chromedp.Navigate(dealPage), edit("dealname", "Typed into HubSpot"))
	eventually(t, named("Typed into HubSpot"))
	eventually(t, seen(tab, jiraPage, "Typed into HubSpot"))
	do("edit the epic", chromedp.Navigate(jiraPage), edit("summary", "Typed into Jira"))
	eventually(t, named("Typed into Jira"))
	eventually(t, seen(tab, dealPage, "Typed into Jira"))

	for _, want := range []string{"created", "updated", "no difference", "dealname ↔ summary"} {
		eventually(t, seen(tab, d.url()+"/history", want))
	}
}

// opened opens a page, follows a link and waits for something that only the
// page behind it has. The list of deals loads itself again from time to time,
// and a click may fall into that: then it begins anew.
func opened(tab context.Context, page, link, there string) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(tab, time.Minute)
		defer cancel()
		return chromedp.Run(ctx,
			chromedp.Navigate(page),
			chromedp.WaitVisible(link, chromedp.ByQuery),
			chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).click()`, link), nil),
			chromedp.WaitVisible(there, chromedp.ByQuery),
		)
	}
}

// edit puts text into a form's field and sends the form, in one go: the pages
// load themselves again from time to time, which would empty a half-filled form.
func edit(field, text string) chromedp.Action {
	input := fmt.Sprintf(`form [name=%q]`, field)
	return chromedp.Tasks{
		chromedp.WaitVisible(input, chromedp.ByQuery),
		chromedp.Evaluate(fmt.Sprintf(`(() => {
			const input = document.querySelector(%q);
			input.value = %q;
			input.form.querySelector("button").click();
		})()`, input, text), nil),
	}
}

// seen opens a page and looks for a text in it.
func seen(tab context.Context, address, text string) func() error {
	return func() error {
		var html string
		if err := chromedp.Run(tab, chromedp.Navigate(address), chromedp.OuterHTML("html", &html, chromedp.ByQuery)); err != nil {
			return err
		}
		if !strings.Contains(html, text) {
			return fmt.Errorf("%s does not show %q", address, text)
		}
		return nil
	}
}
