package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport"
)

// figures answers for the KPIs once the engine measures. The HTTP side is up before it does.
type figures struct {
	of atomic.Pointer[transport.Measurer]
}

// set begins to answer.
func (f *figures) set(m transport.Measurer) { f.of.Store(&m) }

var errMeasuresNot = errors.New("there are no figures: the engine is starting or stopping, or runs with --no-measure")

// Answer implements [transport.Measurer].
func (f *figures) Answer(ctx context.Context, q *measure.Query) (*measure.Answer, error) {
	if m := f.of.Load(); m != nil {
		return (*m).Answer(ctx, q)
	}
	return nil, errMeasuresNot
}

// Events implements [transport.Measurer].
func (f *figures) Events(ctx context.Context, account string) ([]measure.EventNow, error) {
	if m := f.of.Load(); m != nil {
		return (*m).Events(ctx, account)
	}
	return nil, errMeasuresNot
}
