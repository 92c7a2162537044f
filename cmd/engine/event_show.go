package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// wireReply is what the event commands read of an answer in JSON.
type wireReply struct {
	RequestID string        `json:"request_id"`
	Repeated  bool          `json:"repeated"`
	Error     *wireError    `json:"error"`
	Event     *wireEvent    `json:"event"`
	Capacity  *wireCapacity `json:"capacity"`
	Line      *wireLine     `json:"line"`
	Events    []string      `json:"events"`
	Next      string        `json:"next"`
}

// wireLine is what is read of a line by those who gave its public value.
type wireLine struct {
	Value string `json:"value"`
}

type wireError struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Field     string `json:"field"`
	Retryable bool   `json:"retryable"`
}

// Error is the refusal as a line.
func (e *wireError) Error() string {
	text := "refused, " + e.Code + ": " + e.Message
	if e.Field != "" && !strings.Contains(e.Message, e.Field) {
		text += " (field " + e.Field + ")"
	}
	if e.Retryable {
		text += "; the same command may succeed later"
	}
	return text
}

type wireCounts struct {
	Capacity int64 `json:"capacity"`
	Free     int64 `json:"free"`
	Held     int64 `json:"held"`
	Paying   int64 `json:"paying"`
	Sold     int64 `json:"sold"`
	Blocked  int64 `json:"blocked"`
}

type wireFee struct {
	Name  string `json:"name"`
	Minor int64  `json:"minor"`
}

type wireLot struct {
	Lot       string    `json:"lot"`
	Name      string    `json:"name"`
	FaceMinor int64     `json:"face_minor"`
	Fees      []wireFee `json:"fees"`
	Units     int64     `json:"units"`
	After     string    `json:"after"`
	Available int64     `json:"available"`
	Open      bool      `json:"open"`
	Seated    bool      `json:"seated"`

	FreeAccessible int64 `json:"free_accessible"`
	FreeCompanion  int64 `json:"free_companion"`
	FreeRestricted int64 `json:"free_restricted"`
	wireCounts
}

type wirePool struct {
	Pool string `json:"pool"`
	wireCounts
}

type wireEvent struct {
	ID            string     `json:"id"`
	State         string     `json:"state"`
	Name          string     `json:"name"`
	Genre         string     `json:"genre"`
	Performer     string     `json:"performer"`
	Venue         string     `json:"venue"`
	City          string     `json:"city"`
	Country       string     `json:"country"`
	TimeZone      string     `json:"time_zone"`
	StartsAt      time.Time  `json:"starts_at"`
	OpensAt       time.Time  `json:"opens_at"`
	ClosesAt      time.Time  `json:"closes_at"`
	Currency      string     `json:"currency"`
	HoldTTLMs     int64      `json:"hold_ttl_ms"`
	MaxHoldMs     int64      `json:"max_hold_ms"`
	LimitPerBuyer int64      `json:"limit_per_buyer"`
	LimitPerOrder int64      `json:"limit_per_order"`
	HoldsLive     int64      `json:"holds_live"`
	Orders        int64      `json:"orders"`
	StateHash     string     `json:"state_hash"`
	Pools         []wirePool `json:"pools"`
	Lots          []wireLot  `json:"lots"`
	Codes         []wireCode `json:"codes"`
	CodesAll      int64      `json:"codes_all"`
}

type wireCapacity struct {
	Lot   string `json:"lot"`
	Pool  string `json:"pool"`
	Asked int64  `json:"asked"`
	wireCounts
}

// parseReply reads an answer. A refusal is an error.
func parseReply(body []byte) (*wireReply, error) {
	reply := new(wireReply)
	if err := json.Unmarshal(body, reply); err != nil {
		return nil, fmt.Errorf("the answer is no JSON of the contract: %w; is this a newer engine?", err)
	}
	if reply.Error != nil {
		return reply, reply.Error
	}
	return reply, nil
}

// print shows an answer to people, or as JSON.
func (s *eventSettings) print(event, verb string, body []byte) error {
	reply, refusal := parseReply(body)
	if s.json {
		if err := s.printJSON(body); err != nil {
			return err
		}
		return refusal
	}
	if refusal != nil {
		return refusal
	}
	var b strings.Builder
	switch {
	case reply.Event != nil && verb == "get":
		reply.Event.print(&b)
	case reply.Event != nil && verb == "codes":
		reply.Event.printCodes(&b, again(reply.Repeated))
	case reply.Event != nil:
		fmt.Fprintf(&b, "event %s is %s%s\n", event, stateText(reply.Event.State), again(reply.Repeated))
		if verb == "create" && reply.Event.State == "draft" {
			fmt.Fprintf(&b, "put it on sale with: engine event open %s\n", event)
		}
	case reply.Capacity != nil:
		reply.Capacity.print(&b, verb, again(reply.Repeated))
	case reply.Line != nil && verb == "draw":
		fmt.Fprintf(&b, "the draw of %s is made with the value %q%s\nwatch it with: engine line status %s\n", event, reply.Line.Value, again(reply.Repeated), event)
	default:
		fmt.Fprintf(&b, "done%s\n", again(reply.Repeated))
	}
	_, err := fmt.Fprint(s.stdout, b.String())
	return err
}

func again(repeated bool) string {
	if repeated {
		return " (this request was done before; nothing new happened)"
	}
	return ""
}

func (s *eventSettings) printJSON(body []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	b.WriteByte('\n')
	_, err := s.stdout.Write(b.Bytes())
	return err
}

func stateText(state string) string { return strings.ReplaceAll(state, "_", " ") }

func (c *wireCapacity) print(b *strings.Builder, verb, suffix string) {
	what := "lot " + c.Lot
	if c.Pool != "" {
		what = "pool " + c.Pool
	}
	fmt.Fprintf(b, "%s: capacity %s, free %s, held %s, paying %s, sold %s, blocked %s%s\n", what,
		thousands(c.Capacity), thousands(c.Free), thousands(c.Held), thousands(c.Paying), thousands(c.Sold), thousands(c.Blocked), suffix)
	if verb == "capacity" && c.Capacity != c.Asked {
		fmt.Fprintf(b, "%s was asked for: it cannot go below what is held, being paid, sold or blocked\n", thousands(c.Asked))
	}
}

// price writes what one sale costs, with fees.
func (l *wireLot) price(currency string) string {
	total := l.FaceMinor
	for _, fee := range l.Fees {
		total += fee.Minor
	}
	text := money(total, currency)
	if l.Units > 1 {
		text += fmt.Sprintf(" for %d", l.Units)
	}
	return text
}

// note says what a reader would otherwise wonder about.
func (l *wireLot) note() string {
	switch {
	case !l.Open && l.After != "":
		return "opens when " + l.After + " is gone"
	case l.Seated:
		return "seats" + l.kinds()
	}
	return ""
}

// kinds says how many free seats are kept for those who ask for them.
func (l *wireLot) kinds() string {
	text := ""
	for _, kind := range []struct {
		free int64
		what string
	}{{l.FreeAccessible, "accessible"}, {l.FreeCompanion, "companion"}, {l.FreeRestricted, "restricted view"}} {
		if kind.free > 0 {
			text += fmt.Sprintf(", %s %s free", thousands(kind.free), kind.what)
		}
	}
	return text
}

func (e *wireEvent) print(b *strings.Builder) {
	fmt.Fprintf(b, "%s: %s, %s\n", e.ID, e.Name, stateText(e.State))
	about := nonEmpty(e.Performer, e.Genre, e.Venue, strings.TrimSpace(e.City+" "+e.Country))
	if len(about) > 0 {
		fmt.Fprintf(b, "  %s\n", strings.Join(about, ", "))
	}
	for _, at := range []struct {
		what string
		when time.Time
	}{{"starts", e.StartsAt}, {"sales open", e.OpensAt}, {"sales close", e.ClosesAt}} {
		if !at.when.IsZero() {
			fmt.Fprintf(b, "  %s %s\n", at.what, e.local(at.when))
		}
	}
	fmt.Fprintf(b, "  a hold lives %v, with extensions %v", time.Duration(e.HoldTTLMs)*time.Millisecond, time.Duration(e.MaxHoldMs)*time.Millisecond)
	if e.LimitPerBuyer > 0 {
		fmt.Fprintf(b, "; %d tickets a buyer", e.LimitPerBuyer)
	}
	if e.LimitPerOrder > 0 {
		fmt.Fprintf(b, "; %d tickets an order", e.LimitPerOrder)
	}
	b.WriteString("\n\n")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	counts := func(c *wireCounts) string {
		return strings.Join([]string{thousands(c.Capacity), thousands(c.Free), thousands(c.Held), thousands(c.Paying), thousands(c.Sold), thousands(c.Blocked)}, "\t")
	}
	fmt.Fprintln(t, "lot\tprice\tcapacity\tfree\theld\tpaying\tsold\tblocked\t")
	for i := range e.Lots {
		l := &e.Lots[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t  %s\n", l.Lot, l.price(e.Currency), counts(&l.wireCounts), l.note())
	}
	for i := range e.Pools {
		p := &e.Pools[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t  %s\n", p.Pool, "", counts(&p.wireCounts), "pool")
	}
	_ = t.Flush() // into memory
	fmt.Fprintf(b, "\n  %s orders, %s live holds, state hash %s\n", thousands(e.Orders), thousands(e.HoldsLive), e.StateHash)
}

// local writes a time where the event is, if this machine knows the place.
func (e *wireEvent) local(at time.Time) string {
	if place, err := time.LoadLocation(e.TimeZone); err == nil && e.TimeZone != "" {
		return at.In(place).Format("Mon 2 Jan 2006 15:04 MST") + " (" + e.TimeZone + ")"
	}
	return at.UTC().Format("Mon 2 Jan 2006 15:04 MST")
}

func nonEmpty(texts ...string) (kept []string) {
	for _, text := range texts {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return kept
}

// listEvents prints the ids of events, page by page.
func (s *eventSettings) listEvents(ctx context.Context, after string, limit int) error {
	listed := 0
	for {
		fields := map[string]any{}
		if after != "" {
			fields["after"] = after
		}
		if limit > 0 {
			fields["limit"] = min(limit-listed, eventsPageMax)
		}
		body, err := json.Marshal(fields)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		if s.dryRun {
			return rehearse(ctx, s.timeout, s.stdout, "", subjectList, body, body)
		}
		answer, err := s.ask(ctx, subjectList, body)
		if err != nil {
			return err
		}
		reply, err := parseReply(answer)
		if err != nil {
			return err
		}
		if s.json {
			if err := s.printJSON(answer); err != nil {
				return err
			}
		} else if err := s.printIDs(reply.Events); err != nil {
			return err
		}
		listed += len(reply.Events)
		after = reply.Next
		if after == "" || (limit > 0 && listed >= limit) {
			return nil
		}
	}
}

func (s *eventSettings) printIDs(ids []string) error {
	for _, id := range ids {
		if _, err := fmt.Fprintln(s.stdout, id); err != nil {
			return err
		}
	}
	return nil
}
