package main

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// backupWait is how long an answer about a backup waits for the end of it. Callers wait longer for answers, and ask again.
const backupWait = 2 * time.Second

// backup begins a backup of the whole engine, or tells what became of the one that has the name.
func (p *process) backup(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	name := cmd.Name
	if name == "" {
		name = backupNameNow()
	}
	made, err := p.backups.makeWithin(ctx, name, backupWait)
	switch {
	case errors.Is(err, errBackupBusy):
		return &engine.AdminAnswer{Code: engine.CodeOverloaded, Field: "name", Text: err.Error() + ": one at a time", RetryAfterMs: backupWait.Milliseconds()}
	case errors.Is(err, errBackupName):
		return &engine.AdminAnswer{Code: engine.CodeInvalid, Field: "name", Text: err.Error()}
	case err != nil:
		return adminFailed(err)
	case made.err != nil:
		return &engine.AdminAnswer{Code: engine.CodeInternal, Text: "backup " + name + " was not made: " + made.err.Error() + "; to try again name another"}
	}
	view := &engine.BackupView{Name: made.name, Path: made.dir}
	if m := made.m; m != nil {
		view.Whole, view.LastBatch, view.ChainHead, view.States = true, m.LastBatch, m.ChainHead, m.States
		view.Aggregates, view.Bytes, view.Made = m.Aggregates, m.Bytes, engine.Instant(m.Made.UnixNano())
	}
	return &engine.AdminAnswer{Backup: view}
}
