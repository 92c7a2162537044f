package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// kpiName is the name of the cursor by which KPIs are made, and of their checkpoint.
const kpiName = "kpi"

// checkpointShare is how many times the log that is worth a checkpoint is what a reader may hold back.
const checkpointShare = 16

// measureSettings are the settings of measurement.
type measureSettings struct {
	off             bool
	checkpointEvery time.Duration
	policy          *measure.Policy // of a folder that begins; nil is the default
}

func (m *measureSettings) addTo(f *pflag.FlagSet) {
	f.BoolVar(&m.off, "no-measure", false, "make no KPIs: if the log is cut meanwhile, they begin anew with what is left of it")
	f.DurationVar(&m.checkpointEvery, "measure-checkpoint", actors.CheckpointEveryDefault, "how often the KPIs are kept while something happens, as in 5m: a start reads the log from there")
}

// openMeasure opens what measurement needs of the store. It is part of the node, which starts it.
func (p *process) openMeasure(context.Context) error {
	known := p.store.HasCursor(kpiName)
	if p.config.bounds.measure.off && !known {
		return nil
	}
	cursor, err := p.store.Cursor(kpiName)
	if err != nil {
		return err
	}
	if p.config.bounds.measure.off {
		return cursor.Remove()
	}
	checkpoint, err := p.store.Projection(kpiName)
	if err != nil {
		return err
	}
	accounts, err := p.config.accounts()
	if err != nil {
		return err
	}
	p.kpiCursor = cursor
	policy := measure.PolicyDefault()
	if given := p.config.bounds.measure.policy; given != nil {
		policy = *given
	}
	c := &actors.MeasureConfig{
		Log: cursor, Checkpoint: checkpoint, Policy: policy, CheckpointEvery: p.config.bounds.measure.checkpointEvery,
		// The log behind a checkpoint is kept: long before that is too much, there is the next one.
		CheckpointBytes: min(actors.CheckpointBytesDefault, max(1, p.config.bounds.store.CursorLagBytes/checkpointShare)),
	}
	for _, a := range accounts {
		c.Accounts = append(c.Accounts, a.config.Account)
	}
	p.config.bounds.actors.Measure = c
	return nil
}

// startMeasure lets others see what the node measures.
func (p *process) startMeasure(context.Context) error {
	if m := p.node.Measurement(); m != nil {
		p.figures.set(m)
	}
	return nil
}

// watchMeasure gives up the place in the log at which measurement has stopped, before that keeps so much of the log that sales end.
func (p *process) watchMeasure() {
	limit := uint64(p.config.bounds.store.CursorLagBytes) / 2
	if p.kpiCursor == nil || p.node.Measurement().Stopped() == "" || p.kpiCursor.LagBytes() < limit {
		return
	}
	if err := p.kpiCursor.Remove(); err != nil {
		p.config.logger.Error("the log is still kept for KPIs that are not made any more", "err", err)
		return
	}
	p.kpiCursor = nil
	p.config.logger.Error("alarm: KPIs have stood still for so long that the log is not kept for them any more: the next start makes them anew from what is left of it")
}
