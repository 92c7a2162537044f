package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// publishedDraw is all that is published of a draw, as docs/examples/line-verify has it: what the script there reads, in the same words.
type publishedDraw struct {
	Lobby    publishedLobby   `json:"lobby"`
	Entries  []publishedPage  `json:"entries"`
	Closed   publishedClosing `json:"closed"`
	Revealed publishedReveal  `json:"revealed"`
}

type publishedLobby struct {
	Account   string    `json:"account"`
	Event     string    `json:"event"`
	Commit    line.Hash `json:"commit"`
	DrawValue bool      `json:"draw_value"` // a public value is promised
}

// publishedPage is a part of the lobby's list: leaves from one entry on.
type publishedPage struct {
	From   line.Entry  `json:"from"`
	Leaves []line.Hash `json:"leaves"`
}

type publishedClosing struct {
	Root    line.Hash `json:"root"`
	Entries int64     `json:"entries"`
}

type publishedReveal struct {
	Seed  line.Hash `json:"seed"` // as text it is written like a hash
	Value string    `json:"value"`
}

const (
	drawFileBytesMax = 1 << 30 // a lobby of four million entries, twice
	drawIDHelp       = "`engine line verify EVENT --save FILE` writes one"
)

// errNotVerified ends a check of a draw or a receipt that found something wrong.
var errNotVerified = errors.New("NOT VERIFIED")

func notVerified(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errNotVerified, fmt.Sprintf(format, args...))
}

// readDraw reads what was published of a draw.
func readDraw(text []byte) (*publishedDraw, error) {
	d := new(publishedDraw)
	reader := json.NewDecoder(bytes.NewReader(text))
	if err := reader.Decode(d); err != nil {
		return nil, fmt.Errorf("it is not the JSON of a draw: %w; %s", err, drawIDHelp)
	}
	if reader.More() {
		return nil, fmt.Errorf("there is something behind the JSON of the draw; %s", drawIDHelp)
	}
	if d.Lobby.Commit == (line.Hash{}) || d.Closed.Root == (line.Hash{}) {
		return nil, fmt.Errorf("it has no commit or no root, so it is not a draw; %s", drawIDHelp)
	}
	return d, nil
}

// drawnPlaces is a draw that was checked.
type drawnPlaces struct {
	leaves []line.Hash  // of the entries, by number - 1
	places []line.Place // the same
}

// check recomputes the draw from what was published of it. An error wraps errNotVerified and says what is not as it should be.
func (d *publishedDraw) check() (*drawnPlaces, error) {
	seed := line.Seed(d.Revealed.Seed)
	if line.Commit(seed) != d.Lobby.Commit {
		return nil, notVerified("the seed is not the one that the lobby was opened with")
	}
	drawn := new(drawnPlaces)
	for _, page := range d.Entries {
		if int64(page.From) != int64(len(drawn.leaves))+1 {
			return nil, notVerified("the page from entry %d is not the next after entry %d", page.From, len(drawn.leaves))
		}
		drawn.leaves = append(drawn.leaves, page.Leaves...)
	}
	switch {
	case int64(len(drawn.leaves)) != d.Closed.Entries:
		return nil, notVerified("the lobby closed with %d entries, the list has %d", d.Closed.Entries, len(drawn.leaves))
	case line.Root(drawn.leaves) != d.Closed.Root:
		return nil, notVerified("the list is not the one that the lobby closed with")
	case d.Lobby.DrawValue && d.Revealed.Value == "":
		return nil, notVerified("the lobby promised a public value, and none was used")
	}
	drawn.places = line.Places(seed, d.Closed.Root, d.Revealed.Value, drawn.leaves)
	return drawn, nil
}

// placeOf is the place of who has a receipt. From here on the receipt is taken to be genuine: whatever differs was changed by whoever published the draw.
func (d *publishedDraw) placeOf(drawn *drawnPlaces, r *line.Receipt) (line.Place, error) {
	switch {
	case r.Event != d.Lobby.Event || r.Account != d.Lobby.Account:
		return 0, notVerified("the receipt is genuine, but of event %s of account %s", r.Event, r.Account)
	case r.Commit != d.Lobby.Commit:
		return 0, notVerified("the receipt is genuine, and says that the lobby had another commit when it was given")
	case int64(r.Entry) > int64(len(drawn.leaves)) || drawn.leaves[r.Entry-1] != r.Leaf():
		return 0, notVerified("the receipt is genuine, and entry %d of the list is not its buyer's", r.Entry)
	}
	return drawn.places[r.Entry-1], nil
}
