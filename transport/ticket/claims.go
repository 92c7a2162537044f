package ticket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Claims is what a code says. The names are part of the contract: docs/tickets.md.
type Claims struct {
	Account    string `json:"iss"`
	Event      string `json:"evt"`
	Ticket     string `json:"tid"`            // as in "t5"
	Generation uint32 `json:"gen"`            // of the code: 0 is the first, each reissue adds one and kills the code before
	Lot        string `json:"lot"`            // what was bought
	Seat       string `json:"seat,omitempty"` // label; empty in a counted lot
	IssuedAt   int64  `json:"iat"`            // when the order was made, in seconds since 1970
}

// Issued is when the order was made.
func (c *Claims) Issued() time.Time { return time.Unix(c.IssuedAt, 0).UTC() }

// seatLabelLenMax bounds a label: section, row and seat, with room.
const seatLabelLenMax = 3 * (engine.IDLenMax + 1)

// parseClaims reads the claims of a code. It refuses what the engine would never sign, so that a verifier can print them without a second look.
func parseClaims(payload []byte) (*Claims, error) {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	c := new(Claims)
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("what it says cannot be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("what it says goes on behind its end")
	}
	if _, _, ok := engine.ParseTicketID(c.Ticket); !ok {
		return nil, fmt.Errorf("%q is no ticket", c.Ticket)
	}
	for _, id := range [...]string{c.Account, c.Event, c.Lot} {
		if !engine.ValidID(id) {
			return nil, fmt.Errorf("%q is no id", id)
		}
	}
	if len(c.Seat) > seatLabelLenMax || c.IssuedAt < 0 {
		return nil, errors.New("the seat or the time is none that the engine would write")
	}
	for _, r := range c.Seat {
		if r < ' ' || r == 0x7f {
			return nil, errors.New("the seat has control characters")
		}
	}
	return c, nil
}
