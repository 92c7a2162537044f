package measure

import (
	"encoding/binary"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
)

// Follower measures a log: it reads the runs with a [Reader] into a [Book], and its state is what both know. It is used by one goroutine.
type Follower struct {
	Reader *Reader
	Book   *Book
	// Since is when the log began that the book is made of; 0 if it is made of all of it.
	Since engine.Instant

	policy Policy
	add    func([]Entry)
}

// NewFollower returns a follower that has read nothing.
func NewFollower(p Policy, zones Zones) *Follower {
	f := &Follower{Reader: NewReader(), Book: NewBook(p, zones), policy: p}
	f.add = f.Book.AddAll
	return f
}

// Run takes a run of the log. Runs come in the order of the log, each once. After an error the book holds a part of the run: it is of no use any more.
func (f *Follower) Run(run *engine.Run) error {
	return f.Reader.Some(run, f.add)
}

// followerVersion is the first byte of a follower's state.
const followerVersion = 1

// AppendState appends everything the follower knows, in one order only: equal followers have equal bytes.
func (f *Follower) AppendState(dst []byte) []byte {
	dst = binary.AppendVarint(append(dst, followerVersion), int64(f.Since))
	p := f.policy
	for _, v := range p.fields() {
		dst = binary.AppendVarint(dst, *v)
	}
	return f.Book.AppendState(f.Reader.AppendState(dst))
}

// OpenFollower reads what [Follower.AppendState] wrote. The policy is the one that the state was made under. A state of another version is refused: it is made
// anew from the log.
func OpenFollower(zones Zones, state []byte) (*Follower, error) {
	if len(state) == 0 || state[0] != followerVersion {
		return nil, fmt.Errorf("%w: it is of another version", errMalformed)
	}
	r := &reader{buf: state[1:]}
	f := &Follower{Reader: NewReader(), Since: engine.Instant(r.int())}
	for _, v := range f.policy.fields() {
		*v = r.int()
	}
	if r.err() == nil && min(f.policy.SeriesMax, f.policy.RowsMax, f.policy.PeopleMax) < 1 {
		r.fail("a bound of its policy is below 1")
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	rest, err := f.Reader.ReadState(r.buf)
	if err != nil {
		return nil, err
	}
	if f.Book, err = OpenBook(f.policy, zones, rest); err != nil {
		return nil, err
	}
	f.add = f.Book.AddAll
	return f, nil
}

// Policy is what the book is made under.
func (f *Follower) Policy() Policy { return f.policy }
