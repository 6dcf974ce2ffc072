package engine

// PretendRunning lets the engine look as if Run worked it, for tests that take
// its steps themselves.
func (e *Engine) PretendRunning(on bool) { e.running.Store(on) }
