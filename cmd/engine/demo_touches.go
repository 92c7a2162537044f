package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// What one in a hundred buyers, or so, lets the shop know. What buyers do is not changed by it: it has dice of its own.
const (
	percentConsent    = 82 // let the shop link what they do
	percentLogsInLate = 30 // are a session first, and a buyer once they choose
	percentSeenLeave  = 70 // of those who walk away: their client notices
	percentAnswers    = 24 // answer a survey after they have bought
	percentComplains  = 9  // answer one after they got nothing
	percentMistake    = 1  // did not mean to buy
	percentAsks       = 2  // ask for help with an order
	percentAsksLost   = 1  // ask for help without one
)

// eyes are the browser or the app of a buyer, which reports what it saw to the shop, which reports it to the engine.
type eyes struct {
	dice     *rand.Rand
	consent  bool
	device   string
	source   string
	campaign string
	known    bool // the shop knows who the buyer is
	selected bool // tickets, on the page that is open
	touches  int
}

// The steps of the demo's checkout.
const (
	stepDetails = "details"
	stepPayment = "payment"
)

// newEyes draws a client for a buyer of a channel.
func newEyes(channel string, seed uint64, n int) eyes {
	e := eyes{dice: rand.New(rand.NewPCG(seed^0x7ead, uint64(n)))}
	e.consent, e.known = e.chance(percentConsent), !e.chance(percentLogsInLate)
	switch roll := e.dice.IntN(100); {
	case channel == "kiosk":
		e.device = "kiosk"
	case channel == "app" && roll < 85 || roll < 55:
		e.device = "mobile"
	case roll < 65:
		e.device = "tablet"
	default:
		e.device = "desktop"
	}
	switch roll := e.dice.IntN(100); {
	case roll < 40:
		e.source = "direct"
	case roll < 62:
		e.source = "search"
	case roll < 82:
		e.source, e.campaign = "social", "openers-spring"
	default:
		e.source, e.campaign = "newsletter", "early-birds"
	}
	return e
}

func (e *eyes) chance(percent int) bool { return e.dice.IntN(100) < percent }

// around draws a duration: the median, and now and then much more.
func (e *eyes) around(median time.Duration) int64 {
	return int64(float64(median.Milliseconds()) * math.Exp(0.45*e.dice.NormFloat64()))
}

// touch reports what the buyer's client saw or did, and does not wait. What it returns is closed when the engine has answered.
func (b *buyer) touch(ctx context.Context, touches ...*pb.Touch) (answered <-chan struct{}) {
	e := &b.eyes
	for _, t := range touches {
		e.touches++
		t.Id, t.Session, t.Consent = b.id+"-t"+strconv.Itoa(e.touches), b.id+"-s", e.consent
		t.Device, t.Source, t.Channel = e.device, e.source, b.shop.channel
		if e.known {
			t.Buyer = b.id
		}
		if b.pays != paysElsewhere {
			t.MethodKind = "card"
		}
	}
	return b.shop.touch(ctx, touches)
}

// comesFirst waits for the answer to what is reported before the buyer goes on: people take seconds between two steps, this crowd takes none, and
// what it reports must not come behind what it does next.
func comesFirst(ctx context.Context, answered <-chan struct{}) {
	select {
	case <-answered:
	case <-ctx.Done():
	}
}

// touch sends touches on behalf of a client, over a connection of their own. One that is refused or not answered is a failure of the demo.
func (s *shop) touch(ctx context.Context, touches []*pb.Touch) (answered <-chan struct{}) {
	n, done := int64(len(touches)), make(chan struct{})
	s.counts.reporting.Add(1)
	s.reports.TouchAsync(s.event, func(r client.Reply, err error) {
		defer s.counts.reporting.Done()
		defer close(done)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.counts.unanswered(err)
		case r.Code() != engine.CodeOK:
			s.counts.unanswered(fmt.Errorf("a touch was refused: %w", r.Err()))
		default:
			s.counts.touches.Add(n)
		}
	}, touches...)
	return done
}

// arrives is what a client reports of a page that was opened.
func (b *buyer) arrives(ctx context.Context, again bool) {
	e := &b.eyes
	e.selected = false
	ready := &pb.Touch{Kind: "page_ready", LoadMs: e.around(620 * time.Millisecond)}
	if b.pays == paysOneClick {
		ready.PromptMs = ready.LoadMs + e.around(90*time.Millisecond)
	}
	seen := []*pb.Touch{{Kind: "viewed"}, ready}
	if e.campaign != "" && !again {
		seen = append(seen, &pb.Touch{Kind: "ad_viewed", Campaign: e.campaign, AgoMs: 2000 + e.dice.Int64N(30_000)})
	}
	comesFirst(ctx, b.touch(ctx, seen...))
}

// selects is what a client reports of the first tickets that were chosen on a page: from here on the shop knows the buyer.
func (b *buyer) selects(ctx context.Context, totalMinor int64) {
	if b.eyes.selected {
		return
	}
	b.eyes.known, b.eyes.selected = true, true
	comesFirst(ctx, b.touch(ctx, &pb.Touch{Kind: "selected", CartMinor: totalMinor}))
}

// checksOut is what a client reports on the way to paying what is held.
func (b *buyer) checksOut(ctx context.Context, totalMinor int64) {
	b.touch(ctx, &pb.Touch{Kind: "stepped", Step: stepDetails, CartMinor: totalMinor}, &pb.Touch{Kind: "stepped", Step: stepPayment, CartMinor: totalMinor})
}

// walksAway is what a client reports of a buyer who leaves, if it notices.
func (b *buyer) walksAway(ctx context.Context, step string) {
	if b.eyes.chance(percentSeenLeave) {
		b.touch(ctx, &pb.Touch{Kind: "abandoned", Step: step})
	}
}

// sees is what a client reports once it shows what became of a click. The time is by its own clock.
func (b *buyer) sees(ctx context.Context, click string, clicked time.Time) {
	shown := b.eyes.around(12 * time.Millisecond) // until it was on the screen
	b.touch(ctx, &pb.Touch{Kind: "click_seen", ClickId: click, ClickToSeenMs: min(time.Since(clicked).Milliseconds()+shown, engine.TouchDurationMsMax)})
}

// gets is what is reported of a buyer who has an order: the tickets arrive, some answer a survey, some ask for help.
func (b *buyer) gets(ctx context.Context, order string) {
	e := &b.eyes
	seen := []*pb.Touch{{Kind: "delivered", Order: order}}
	if e.chance(percentAnswers) {
		regret := &pb.Touch{Kind: "surveyed", Survey: "regret", Order: order}
		if e.chance(percentMistake) {
			regret.Score, regret.Text = 1, "My pocket bought them."
		}
		seen = append(seen, regret,
			&pb.Touch{Kind: "surveyed", Survey: "csat", Score: min(3+e.dice.Int64N(4), 5), Order: order},
			&pb.Touch{Kind: "surveyed", Survey: "nps", Score: min(5+e.dice.Int64N(7), 10), Order: order})
	}
	if e.chance(percentAsks) {
		topics := []string{"where_is_my_ticket", "change_name", "invoice", "one_click_charge"}
		seen = append(seen, &pb.Touch{Kind: "support", Topic: topics[e.dice.IntN(len(topics))], Order: order})
	}
	b.touch(ctx, seen...)
}

// goesWithout is what is reported of a buyer who leaves without a ticket.
func (b *buyer) goesWithout(ctx context.Context) {
	e := &b.eyes
	b.walksAway(ctx, stepDetails)
	if e.chance(percentComplains) {
		b.touch(ctx, &pb.Touch{Kind: "surveyed", Survey: "csat", Score: 1 + e.dice.Int64N(3)})
	}
	if e.chance(percentAsksLost) {
		b.touch(ctx, &pb.Touch{Kind: "support", Topic: "sold_out"})
	}
}

// cost is what an ask costs, by the list.
func (p *plan) cost(a *ask) (minor int64) {
	for i := range a.items {
		minor += p.lot(a.items[i].lot).price() * max(a.items[i].quantity, int64(len(a.items[i].seats)))
	}
	return minor
}
