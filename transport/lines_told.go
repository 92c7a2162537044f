package transport

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// lineMove is a buyer who is to be told where they are.
type lineMove struct {
	event, buyer string
	why          engine.Code // of a change on the waiting list
}

// moved notes what has become of buyers. It does not block: beyond the bound it is lost, and counted. The caller keeps the slices.
func (l *linesSide) moved(event string, places []engine.PlaceChange, waits []engine.WaitChange) {
	event = strings.Clone(event)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range places {
		l.note(lineMove{event: event, buyer: places[i].Buyer})
	}
	for i := range waits {
		l.note(lineMove{event: event, buyer: waits[i].Buyer, why: waits[i].Why})
	}
	l.nudge()
}

// note notes a buyer to be told. The caller holds l.mu.
func (l *linesSide) note(m lineMove) {
	if l.closed || len(l.moves)+l.telling >= LineMovesMax {
		l.lost.Add(1)
		return
	}
	m.buyer = strings.Clone(m.buyer)
	l.moves = append(l.moves, m)
}

// tellMoved reads the places of buyers and publishes them, those of an event in one request.
func (l *linesSide) tellMoved(moves []lineMove) {
	byEvent := make(map[string]*placesRead)
	for _, m := range moves {
		r := byEvent[m.event]
		if r == nil {
			r = &placesRead{server: l.server, done: make(chan struct{})}
			byEvent[m.event] = r
		}
		if at := slices.IndexFunc(r.shown, func(s shownPlace) bool { return s.buyer == m.buyer }); at >= 0 {
			r.shown[at].why = max(r.shown[at].why, m.why) // they are told once
			continue
		}
		r.shown = append(r.shown, shownPlace{buyer: m.buyer, why: m.why})
		r.commands = append(r.commands, engine.Command{Verb: engine.VerbPlace, Buyer: m.buyer})
	}
	for event, r := range byEvent {
		if !l.submit(event, r) {
			l.lost.Add(uint64(len(r.shown)))
			delete(byEvent, event)
		}
	}
	for event, r := range byEvent {
		<-r.done
		for i := range r.shown {
			s := &r.shown[i]
			if s.body == nil || l.server.nc.Publish(SubjectOwnLine(event, s.buyer), s.finished(l.server, event)) != nil {
				l.lost.Add(1)
				continue
			}
			l.told.Add(1)
			if s.end > 0 && s.placed.state != engine.PlaceWaiting {
				l.unfollow(event, s.buyer)
			}
		}
	}
}

// submit hands a request to the engine, and waits while that has too much to do. It reports whether the engine took it.
func (l *linesSide) submit(event string, r *placesRead) bool {
	for {
		r.Request = engine.Request{Account: l.server.config.Account, Event: event, Commands: r.commands, Reply: r}
		code := l.server.engine.Submit(&r.Request)
		if code == engine.CodeOK {
			return true
		}
		l.mu.Lock()
		closed := l.closed
		l.mu.Unlock()
		if code != engine.CodeOverloaded || closed {
			return false
		}
		time.Sleep(l.server.config.RetryAfter)
	}
}

// placesRead reads places of one event. It is the engine's Replier for itself.
type placesRead struct {
	engine.Request
	server   *Server
	commands []engine.Command
	shown    []shownPlace // by command
	done     chan struct{}
}

// shownPlace is what is published of a buyer.
type shownPlace struct {
	buyer  string
	why    engine.Code
	body   []byte // without what is behind the place; nil if there is nothing to tell
	end    int    // where the place's members end, 0 without one
	placed placed
	more   bool // there is more to tell about the place
}

// Outcome writes what is published of a buyer. It implements [engine.Replier].
func (r *placesRead) Outcome(_ *engine.Request, i int, out *engine.Outcome) {
	s := &r.shown[i]
	if out.Code != engine.CodeOK {
		return
	}
	w := jsonWriter{b: []byte{'{'}}
	w.num("seq", int64(out.Seq))
	w.lineViews(out)
	if s.why != engine.CodeOK {
		w.str("why", s.why.String())
	}
	s.body, s.end = w.b, w.placeEnd
	if s.placed, s.more = r.server.placeOf(out, written{}); s.more {
		s.placed.receipt = false
	}
}

// Durable implements [engine.Replier].
func (r *placesRead) Durable(*engine.Request) { close(r.done) }

// finished is the body of a LineChanged.
func (s *shownPlace) finished(server *Server, event string) []byte {
	if s.more {
		m := server.tell(&s.placed, event, s.buyer)
		w := jsonWriter{b: append(make([]byte, 0, len(s.body)+512), s.body[:s.end]...)}
		w.placeMore(&m)
		return append(append(w.b, s.body[s.end:]...), '}')
	}
	return append(s.body, '}')
}

// followed are those who wait in an event's line: they are told when their chance has another word than they were told.
type followed struct {
	mu   sync.Mutex
	rows []follower
	at   map[string]int // of a buyer in rows
	next int            // who is looked at next

	from uint32 // the entry from which on those who waited when it began are still to be found
	all  bool   // they are found
}

type follower struct {
	buyer string
	place line.Place
	track uint8
	wants uint8
	word  line.Word
}

// follow notes what a buyer who waits is told now, and returns the word for it.
func (l *linesSide) follow(o *outlook, buyer string, p *placed, chance float64) line.Word {
	e := l.event(o.event)
	if e == nil {
		return o.word(chance, line.Untold)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if i, known := e.at[buyer]; known {
		f := &e.rows[i]
		if f.place != p.place {
			f.word = line.Untold // they have joined again
		}
		f.place, f.track, f.wants, f.word = p.place, p.track, uint8(min(max(p.wants, 0), engine.WantsMax)), o.word(chance, f.word)
		return f.word
	}
	word := o.word(chance, line.Untold)
	l.add(&e.followed, follower{buyer: buyer, place: p.place, track: p.track, wants: uint8(min(max(p.wants, 0), engine.WantsMax)), word: word})
	return word
}

// add adds a buyer to those who are followed, if there is room. The caller holds f.mu.
func (l *linesSide) add(f *followed, row follower) {
	if l.following.Add(1) > FollowedMax {
		l.following.Add(-1)
		l.notFollowed.Add(1)
		return
	}
	if f.at == nil {
		f.at = make(map[string]int)
	}
	row.buyer = strings.Clone(row.buyer)
	f.at[row.buyer] = len(f.rows)
	f.rows = append(f.rows, row)
}

// followAll finds those who wait in a line that is served and have not asked where they are, some each second. They are told by changeWords, as nobody has told them a word yet. Who joins later is
// followed when that is answered.
func (l *linesSide) followAll(e *lineEvent) {
	o := e.now.Load()
	for range waitingPagesMax {
		if e.all || o.sale == nil || l.following.Load() >= FollowedMax {
			return
		}
		page := newWaitingRead(l.server.config.Account, o.event, max(e.from, 1), false)
		if page.Look = true; l.server.engine.Submit(&page.Request) != engine.CodeOK {
			return
		}
		<-page.done
		e.mu.Lock()
		for _, w := range page.rows {
			if _, known := e.at[w.Buyer]; !known && int(w.Track) < len(o.tracks) && w.Place > o.line.Tracks[w.Track].Served {
				l.add(&e.followed, follower{buyer: w.Buyer, place: w.Place, track: w.Track, wants: w.Wants})
			}
		}
		e.mu.Unlock()
		e.from, e.all = page.next, page.next == 0
	}
}

// unfollow forgets a buyer who does not wait any more.
func (l *linesSide) unfollow(event, buyer string) {
	e := l.event(event)
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if i, known := e.at[buyer]; known {
		e.remove(i)
		l.following.Add(-1)
	}
}

// changeWords looks at those who wait in an event, some each second, and tells those whose chance has another word, room of them at most: the others later. Whose turn has come is followed no more.
func (l *linesSide) changeWords(e *lineEvent, room int) {
	o := e.now.Load()
	if o.sale == nil {
		return
	}
	var changed []string
	e.mu.Lock()
	for range min(len(e.rows), followedAtOnce) {
		if len(changed) >= room {
			break
		}
		if e.next >= len(e.rows) {
			e.next = 0
		}
		f := &e.rows[e.next]
		if int(f.track) >= len(o.tracks) || f.place <= o.line.Tracks[f.track].Served {
			e.remove(e.next)
			l.following.Add(-1)
			continue
		}
		e.next++
		if chance := o.forecastAt(f.track, f.place, int64(f.wants)).chance; o.word(chance, f.word) != f.word {
			changed = append(changed, f.buyer)
		}
	}
	e.mu.Unlock()
	if len(changed) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, buyer := range changed {
		l.note(lineMove{event: o.event, buyer: buyer})
	}
	l.nudge()
}

// remove takes a row out; the last one takes its place.
func (f *followed) remove(i int) {
	delete(f.at, f.rows[i].buyer)
	last := len(f.rows) - 1
	if i != last {
		f.rows[i] = f.rows[last]
		f.at[f.rows[i].buyer] = i
	}
	f.rows[last] = follower{}
	f.rows = f.rows[:last]
}

// drop forgets everybody, and returns how many they were.
func (f *followed) drop() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.rows)
	f.rows, f.at = nil, nil
	return int64(n)
}
