package transport

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

// SubjectKPI is where the figures of all events of the account are published.
const SubjectKPI = "holdfast.v1.kpi"

// SubjectEventKPI returns the subject on which the figures of an event are published, as in holdfast.v1.kpi.e1.
func SubjectEventKPI(event string) string { return SubjectKPI + "." + event }

// KPIMessage is what is published of an account or an event: its figures of the last minute and since its sale began.
type KPIMessage struct {
	Minute *measure.Answer `json:"1m"`
	Sale   *measure.Answer `json:"sale"`
}

// publishAll publishes figures each second until the server ends: of all events, while something changes and every ten seconds besides, and of each event to
// which something happened within the last minute. Of more events than fit into a second the others come in the next one.
func (k *kpisSide) publishAll() {
	tick := time.NewTicker(kpiEvery)
	defer tick.Stop()
	p := kpiPublisher{kpisSide: k}
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-k.silence:
			return
		case at := <-tick.C:
			if k.server.nc.IsConnected() {
				p.round(at)
			}
		}
	}
}

// kpiPublisher is what a round knows of those before it.
type kpiPublisher struct {
	*kpisSide
	batch  uint64    // of the figures of all events that were last published
	silent time.Time // when they were
	after  string    // the event that was last published
}

// round publishes once. Without figures it publishes nothing: whoever listens sees from at_ms how old what they have is.
func (p *kpiPublisher) round(now time.Time) {
	ctx, cancel := context.WithTimeout(p.ctx, kpiAnswerTimeout)
	defer cancel()
	account := p.server.config.Account
	whole := p.figures(ctx, "")
	if whole == nil {
		return
	}
	if whole.Sale.Batch != p.batch || now.Sub(p.silent) >= kpiSilenceMax {
		p.batch, p.silent = whole.Sale.Batch, now
		p.send(SubjectKPI, whole)
	}
	events, err := p.server.config.Measurer.Events(ctx, account)
	if err != nil {
		return
	}
	for _, event := range p.due(events, now) {
		if m := p.figures(ctx, event); m != nil {
			p.send(SubjectEventKPI(event), m)
			p.after = event
		}
	}
}

// due are the events whose turn it is, in the order of their ids from the last one on, around.
func (p *kpiPublisher) due(events []measure.EventNow, now time.Time) []string {
	since := now.Add(-kpiEventFollowed).UnixMilli()
	var due []string
	for i := range events {
		if events[i].LastMs >= since {
			due = append(due, events[i].ID)
		}
	}
	slices.Sort(due)
	first, found := slices.BinarySearchFunc(due, p.after, strings.Compare)
	if found {
		first++
	}
	due = append(due[first:len(due):len(due)], due[:first]...)
	return due[:min(len(due), KPIEventsPublishedMax)]
}

// figures are those of one message; nil if there are none now.
func (p *kpiPublisher) figures(ctx context.Context, event string) *KPIMessage {
	m := &KPIMessage{}
	for window, into := range map[measure.Window]**measure.Answer{measure.Window1m: &m.Minute, measure.WindowSale: &m.Sale} {
		answer, ref := answerOf(ctx, p.server.config.Measurer, &measure.Query{Account: p.server.config.Account, Event: event, Window: window})
		if ref != nil {
			return nil
		}
		*into = answer
	}
	return m
}

func (p *kpiPublisher) send(subject string, m *KPIMessage) {
	body, err := json.Marshal(m)
	if err != nil || len(body) > p.server.replyBytesMax || p.server.nc.Publish(subject, body) != nil {
		p.server.stats.kpisLost.Add(1)
		return
	}
	p.server.stats.kpis.Add(1)
}
