package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/tenonsync/tenon/server"
)

var screenshots = flag.String("screenshots", "", "write pictures of the pages into this `folder`")

// console is a person at Tenon's pages, in a browser that runs no script.
type console struct {
	*dealStory
	t   *testing.T
	tab context.Context
}

// newConsole starts the demo with a mapping that asks about conflicts, waits
// until won deals have their epics, and opens a browser.
func newConsole(t *testing.T, seed uint64) *console {
	t.Helper()
	tab := browser(t)
	d := newTestDemo(t, seed, "")
	path := filepath.Join(d.dir, "mappings", "won-deal-to-epic.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	asks := bytes.Replace(text, []byte("\nconflict: newest"), []byte("\nconflict: ask"), 1)
	if bytes.Equal(text, asks) {
		t.Fatal("the demo's mapping has no policy to change")
	}
	if err := os.WriteFile(path, asks, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &console{dealStory: newDealStory(d), t: t, tab: tab}
	ctx := interrupted(t)
	_, err = c.begin(ctx)
	if d.stop != nil {
		t.Cleanup(func() {
			if err := d.stop(); err != nil {
				t.Error(err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, deal := range c.deals() {
		if deal.Properties["dealstage"] == "closedwon" {
			c.first = deal.ID
			break
		}
	}
	c.shows("/", "Everything is in step") // all links have their baselines
	c.do("a browser without script", emulation.SetScriptExecutionDisabled(true), network.Enable())
	return c
}

func (c *console) do(what string, actions ...chromedp.Action) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.tab, 3*time.Minute)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var html string
		_ = chromedp.Run(c.tab, chromedp.Text("body", &html, chromedp.ByQuery)) // for the message only
		c.t.Fatalf("%s: %v; the page says:\n%s", what, err, html)
	}
}

// by tells an XPath from a selector.
func by(what string) chromedp.QueryOption {
	if strings.HasPrefix(what, "/") {
		return chromedp.BySearch
	}
	return chromedp.ByQuery
}

// open opens a page and waits for something on it.
func (c *console) open(path, there string) {
	c.t.Helper()
	c.do("open "+path, chromedp.Navigate(c.url()+path), chromedp.WaitVisible(there, by(there)))
}

// text returns what a part of the page says.
func (c *console) text(part string) string {
	c.t.Helper()
	var text string
	c.do("read "+part, chromedp.Text(part, &text, chromedp.ByQuery))
	return text
}

// says fails unless the page says each of the words.
func (c *console) says(part string, words ...string) {
	c.t.Helper()
	text := c.text(part)
	for _, w := range words {
		if !strings.Contains(text, w) {
			c.t.Errorf("%s lacks %q:\n%s", part, w, text)
		}
	}
}

// press clicks, and waits for something on the page that follows.
func (c *console) press(what, there string) {
	c.t.Helper()
	c.do("press "+what, chromedp.Click(what, by(what)), chromedp.WaitVisible(there, by(there)))
}

// path returns where the browser is.
func (c *console) path() string {
	c.t.Helper()
	var at string
	c.do("look at the address", chromedp.Location(&at))
	return strings.TrimPrefix(at, c.url())
}

// shot takes a picture for the documents, when they are wanted.
func (c *console) shot(name string, width, height int64) {
	c.t.Helper()
	if *screenshots == "" {
		return
	}
	var picture []byte
	c.do("take a picture", chromedp.EmulateViewport(width, height), chromedp.CaptureScreenshot(&picture), chromedp.EmulateViewport(1000, 1400))
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), picture, 0o644); err != nil { //nolint:gosec // a picture for the documents
		c.t.Fatal(err)
	}
}

// shows opens a page again and again until it says the words.
func (c *console) shows(path string, words ...string) {
	c.t.Helper()
	eventually(c.t, func() error {
		var text string
		if err := chromedp.Run(c.tab, chromedp.Navigate(c.url()+path), chromedp.Text("main", &text, chromedp.ByQuery)); err != nil {
			return err
		}
		for _, w := range words {
			if !strings.Contains(text, w) {
				return fmt.Errorf("%s does not say %q:\n%s", path, w, text)
			}
		}
		return nil
	})
}

// notice is what the page after an act says.
func notice(words string) string {
	return fmt.Sprintf(`//p[@class="notice" and contains(., %q)]`, words)
}

// disagree has both sides of the deal's name edited while the mapping is paused,
// so that it is a conflict once it goes on.
func (c *console) disagree(left, right string) {
	c.t.Helper()
	epic, err := c.epic(c.first)
	if err != nil {
		c.t.Fatal(err)
	}
	err = errors.Join(
		c.systems.hubspotOf().As(seller).Edit("deals", c.first, map[string]string{"dealname": left}),
		c.systems.jiraOf().As(planner).Edit(epic.Key, map[string]any{"summary": right}),
	)
	if err != nil {
		c.t.Fatal(err)
	}
}

// TestConsole is an operator's morning: pause, two people edit one field, go on,
// find the conflict, decide it on the page, and see both systems agree.
func TestConsole(t *testing.T) {
	c := newConsole(t, 2)
	c.open("/", "h1")
	c.says("main", "won-deal-to-epic", "running", "hubspot", "jira", "in sync")

	c.press(`#mapping-won-deal-to-epic summary`, `#mapping-won-deal-to-epic input[name=reason]`)
	c.do("say why", chromedp.SendKeys(`#mapping-won-deal-to-epic input[name=reason]`, "edits under way", chromedp.ByQuery))
	c.press(`#mapping-won-deal-to-epic details button`, notice("won-deal-to-epic is paused"))
	c.says("#mapping-won-deal-to-epic", "paused", "this machine", "edits under way")

	c.disagree("Named by sales", "Named by delivery")
	c.press(`#mapping-won-deal-to-epic form button`, notice("won-deal-to-epic goes on"))
	c.shows("/conflicts", "dealname ↔ summary", "Named by sales", "Named by delivery")
	c.open("/", "h1")
	c.says("main", "Some records need a person")
	c.shot("overview", 1100, 1150)
	c.do("the look of a phone", chromedp.EmulateViewport(360, 740))
	c.open("/", "h1")
	c.shot("phone", 360, 900)
	c.do("the look of a desk", chromedp.EmulateViewport(1000, 1400))

	epic, err := c.epic(c.first)
	if err != nil {
		t.Fatal(err)
	}
	c.do("search for the epic's key", chromedp.SendKeys(`#q`, epic.Key, chromedp.ByQuery), chromedp.Click(`.search button`, chromedp.ByQuery), chromedp.WaitVisible(`//p[contains(., "What Tenon knows")]`, chromedp.BySearch))
	c.says("main", "needs you", "Both sides changed the field differently", "Named by sales", "Named by delivery")
	if got := c.path(); !strings.HasPrefix(got, "/explain?record=") {
		t.Errorf("the search leads to %s", got)
	}
	c.shot("explain", 1000, 1080)

	c.open("/conflicts", "article.aside")
	c.press(`//button[contains(., "Keep the value of epic")]`, notice("Decided"))
	eventually(t, func() error {
		got, err := c.sameName(c.first)
		if err == nil && got != "Named by delivery" {
			err = fmt.Errorf("both sides say %q", got)
		}
		return err
	})
	c.shows("/conflicts", "No field waits for a person")
	c.shows("/explain?record="+epic.Key, "in sync", "Named by delivery")
	c.shows("/history?action=resolved", "resolved", "this machine")

	// The decision is taken back: the deal has its own name again, and that does
	// not flow.
	c.open("/history?action=updated&record="+c.first, "table")
	c.press(`//table//a[contains(., "undo")]`, "#undo")
	c.says("main", "Undo the writes of event", "can be put back", "Named by delivery", "Named by sales")
	c.shot("undo", 1000, 560)
	c.press("#undo", `//h1[contains(., "Undone")]`)
	if d, err := c.dealNow(c.first); err != nil || d.Properties["dealname"] != "Named by sales" {
		t.Errorf("after the undo the deal is %q (%v), want %q", d.Properties["dealname"], err, "Named by sales")
	}
	c.shows("/history?action=undone", "undone", "dealname")

	c.open("/history?link=1", "table")
	c.shot("history", 1000, 760)
	address, err := c.button(t.Context(), c.other)
	if err != nil {
		t.Fatal(err)
	}
	c.open(strings.TrimPrefix(address, c.url()), "#confirm")
	c.shot("convert", 720, 860)

	c.open("/", "h1")
	c.press(`//nav/a[contains(., "Links")]`, `//h1[contains(., "Links")]`)
	c.press(`//table//a[contains(., "link 1")]`, `.verdict`)

	c.open("/", "h1")
	c.press(`#connection-jira summary`, `#connection-jira input[name=reason]`)
	c.press(`#connection-jira details button`, notice("jira is paused"))
	c.says("#connection-jira", "paused", "this machine")
	c.says("#mapping-won-deal-to-epic", "through connection jira")
	c.press(`#connection-jira form button`, notice("jira goes on"))
	c.says("#connection-jira", "up")
}

// TestConsoleThirdValue decides a conflict with a value that neither side held,
// and has the record looked at anew.
func TestConsoleThirdValue(t *testing.T) {
	c := newConsole(t, 5)
	if _, err := c.service.engine.Pause(t.Context(), "won-deal-to-epic", "", "the test"); err != nil {
		t.Fatal(err)
	}
	c.disagree("Named by sales", "Named by delivery")
	if err := c.service.engine.Resume(t.Context(), "won-deal-to-epic", "the test"); err != nil {
		t.Fatal(err)
	}
	c.shows("/conflicts", "Named by sales", "Named by delivery")
	c.open("/conflicts", "article.aside")
	c.press(`//a[contains(., "Read both sides now")]`, `//h1[contains(., "dealname")]`)
	c.says("main", "Named by sales", "Named by delivery", "Holds now")
	c.press(`//a[contains(., "Decide all for epic")]`, `//h1[contains(., "1 conflict would be decided for epic")]`)
	c.says("main", "Named by sales", "Named by delivery")
	c.open("/conflicts", "article.aside")
	c.press(`//a[contains(., "Read both sides now")]`, `//h1[contains(., "dealname")]`)
	c.press(`details.card summary`, "#value")
	c.shot("decide", 1000, 720)
	c.do("type a value", chromedp.SendKeys("#value", "Named by both", chromedp.ByQuery))
	c.press("#write", notice("Decided"))
	eventually(t, func() error {
		got, err := c.sameName(c.first)
		if err == nil && got != "Named by both" {
			err = fmt.Errorf("both sides say %q", got)
		}
		return err
	})
	c.shows("/explain?record=hubspot/deals/"+c.first, "in sync", "Named by both")
	c.press(`//button[contains(., "Look at this record anew")]`, notice("1 record is looked at anew"))
	c.open("/mappings/won-deal-to-epic", "h1")
	c.press(`//button[contains(., "Look at all its records anew")]`, notice("records are looked at anew"))
}

// consolePages are all pages, to be looked at in each form.
var consolePages = []string{"/", "/mappings/won-deal-to-epic", "/history", "/conflicts", "/queue", "/links", "/explain?record=link:1", "/explain?record=nothing", "/login", "/nowhere"}

// TestConsoleOnAPhone looks at each page 360 pixels wide, in both languages: none
// is wider than the screen.
func TestConsoleOnAPhone(t *testing.T) {
	c := newConsole(t, 3)
	c.do("a phone", chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	for _, language := range []string{"en", "zh-CN"} {
		c.open("/language/"+language+"?back=/", "h1")
		for _, path := range consolePages {
			c.open(path, "h1")
			var wide int
			var tag string
			c.do("measure "+path, chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide), chromedp.Evaluate(`document.documentElement.lang`, &tag))
			if wide > 360 {
				t.Errorf("%s in %s is %d pixels wide", path, language, wide)
			}
			if tag != language {
				t.Errorf("%s is in %s, want %s", path, tag, language)
			}
		}
	}
	c.open("/", "h1")
	c.says("main", "总览", "已同步")
	c.shot("chinese", 360, 900)
	c.do("a dark room", emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	c.shot("dark", 360, 900)
	c.press(`//footer//a[contains(., "English")]`, `//h1[contains(., "Overview")]`)
}

// TestConsoleLogin reaches the pages as through a proxy: they ask who is there.
func TestConsoleLogin(t *testing.T) {
	c := newConsole(t, 4)
	c.do("come through a proxy", network.SetExtraHTTPHeaders(network.Headers{"X-Forwarded-For": "192.0.2.9"}))
	tokens := server.Tokens{Store: c.service.store}
	create := func(scopes ...server.Scope) (server.Token, string) {
		t.Helper()
		token, text, err := tokens.Create(t.Context(), "console", scopes, time.Now(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return token, text
	}
	reader, readerText := create(server.ScopeRead)
	_, operatorText := create(server.ScopeRead, server.ScopeOperate)

	enter := func(text, there string) {
		t.Helper()
		c.do("enter a token", chromedp.SendKeys(`#token`, text, chromedp.ByQuery), chromedp.Click(`#enter`, chromedp.ByQuery), chromedp.WaitVisible(there, by(there)))
	}
	c.open("/links", "#token")
	if got := c.path(); got != "/login?next=%2Flinks" {
		t.Errorf("the pages lead to %s", got)
	}
	enter("tenon.0123456789abcdef.wrong", "#wrong")
	c.says("#wrong", "not good")
	enter(readerText, `//h1[contains(., "Links")]`)
	c.says("footer", "token console")
	if got := c.path(); got != "/links" {
		t.Errorf("the login leads to %s", got)
	}
	c.open("/", "h1")
	var acts int
	c.do("count the forms that act", chromedp.Evaluate(`document.querySelectorAll("main form[method=post]").length`, &acts))
	if acts != 0 {
		t.Errorf("somebody who may only read is shown %d forms that act", acts)
	}

	// The session ends with its token, and by hand.
	if err := tokens.Revoke(t.Context(), reader.ID); err != nil {
		t.Fatal(err)
	}
	c.open("/links", "#token")
	enter(operatorText, `//h1[contains(., "Links")]`)
	c.open("/", `#mapping-won-deal-to-epic summary`)
	c.press("#logout", `//h1[contains(., "logged out")]`)
	c.open("/", "#token")
}
