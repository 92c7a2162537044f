package transport

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
)

// Denied counts what an embedded NATS server denied, and keeps some of it for the log until somebody takes it. The zero value is ready; it is safe
// for concurrent use. A NATS server of one's own keeps its own log.
type Denied struct {
	mu     sync.Mutex
	counts DeniedCounts
	lines  []string
	more   uint64
}

// DeniedCounts is what was denied since the start.
type DeniedCounts struct {
	Connections uint64 // that did not say who they are, or said it wrongly, or came when there were too many
	Subjects    uint64 // to which a user may not publish or subscribe
	Messages    uint64 // that were too large, or not the protocol of NATS
}

const (
	// deniedLinesMax bounds what waits for the log: more is only counted.
	deniedLinesMax = 8
	// deniedLineBytesMax bounds a line, which holds what a stranger wrote.
	deniedLineBytesMax = 256
)

// Counts returns the counts.
func (d *Denied) Counts() DeniedCounts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts
}

// Take returns what is to be logged since the last call, and how many more there were. No line holds a secret.
func (d *Denied) Take() (lines []string, more uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines, more = d.lines, d.more
	d.lines, d.more = nil, 0
	return lines, more
}

// add counts one denial and keeps it for the log, as long as there is room.
func (d *Denied) add(count *uint64, line string) {
	if len(line) > deniedLineBytesMax {
		line = line[:deniedLineBytesMax] + "..."
	}
	if holdsCard(line) {
		line = "denied, with something that looks like a card number in it"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	*count++
	if len(d.lines) >= deniedLinesMax {
		d.more++
		return
	}
	d.lines = append(d.lines, line)
}

// digits are runs that are long enough to be a card number.
var digits = regexp.MustCompile(`[0-9](?:[ ._-]?[0-9]){12,}`)

// holdsCard reports whether a card number stands anywhere in a line: as a whole run of digits, with its grouping, or as a token of a subject.
func holdsCard(line string) bool {
	for _, run := range digits.FindAllString(line, -1) {
		if engine.IsCardNumber(run) || slices.ContainsFunc(strings.Split(run, "."), engine.IsCardNumber) {
			return true
		}
	}
	return false
}

// natsLog is the log of an embedded NATS server: what it denies is noted, the rest is not ours to print. What it says about connections is quoted
// by the server; only subjects and names of users are kept of it, as a broken message may hold a piece of somebody's password.
type natsLog struct{ denied *Denied }

// Errorf implements the server's Logger.
func (l natsLog) Errorf(format string, v ...any) {
	text, d := fmt.Sprintf(format, v...), l.denied
	switch {
	case strings.Contains(text, "Violation - "):
		d.add(&d.counts.Subjects, text)
	case strings.Contains(text, "authentication error"), strings.Contains(text, "maximum connections exceeded"):
		d.add(&d.counts.Connections, text)
	case strings.Contains(text, "TLS handshake"):
		who, _, _ := strings.Cut(text, " - cid:")
		d.add(&d.counts.Connections, who+" - did not finish saying who it is")
	case strings.Contains(text, "parser ERROR"), strings.Contains(text, "maximum control line exceeded"), strings.Contains(text, "maximum payload exceeded"):
		who, _, _ := strings.Cut(text, " - cid:")
		d.add(&d.counts.Messages, who+" - does not speak NATS, or sent too much at once")
	}
}

// Noticef implements the server's Logger.
func (natsLog) Noticef(string, ...any) {}

// Warnf implements the server's Logger.
func (natsLog) Warnf(string, ...any) {}

// Fatalf implements the server's Logger.
func (natsLog) Fatalf(string, ...any) {}

// Debugf implements the server's Logger.
func (natsLog) Debugf(string, ...any) {}

// Tracef implements the server's Logger.
func (natsLog) Tracef(string, ...any) {}
