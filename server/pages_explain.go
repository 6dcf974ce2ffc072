package server

import "github.com/tenonsync/tenon/engine"

// standingClass is the colour of a standing.
func standingClass(s engine.Standing) string {
	switch s {
	case engine.InSync:
		return "good"
	case engine.NeedsYou:
		return "bad"
	case engine.OnItsWay, engine.Waits:
		return "wait"
	case engine.Unknown:
		return "warn"
	}
	return "soft"
}

func wordOf(s engine.Standing) string { return string(s) }
