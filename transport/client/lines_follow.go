package client

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Line calls now with the line of an event as it is published, each second and as soon as its lobby is closed. now is called from one goroutine; messages may be lost. stop ends it.
func (c *Client) Line(event string, now func(*pb.LineNow)) (stop func() error, err error) {
	if !engine.ValidID(event) {
		return nil, badEvent()
	}
	return follow(c, SubjectLine(event), now)
}

// LineChanges calls changed when something has become of a buyer in the line of an event or on its waiting list; an empty buyer is all buyers. changed is called from one goroutine; messages
// may be lost, so ask [Client.Place] when it matters. stop ends it.
func (c *Client) LineChanges(event, buyer string, changed func(*pb.LineChanged)) (stop func() error, err error) {
	switch {
	case !engine.ValidID(event):
		return nil, badEvent()
	case buyer == "":
		buyer = "*"
	case !engine.ValidID(buyer):
		return nil, badID("buyer")
	}
	return follow(c, SubjectOwnLine(event, buyer), changed)
}

// follow calls take with what is published on a subject.
func follow[M any, P interface {
	*M
	proto.Message
}](c *Client, subject string, take func(P)) (stop func() error, err error) {
	sub, err := c.nc.Subscribe(subject, func(m *nats.Msg) {
		said := P(new(M))
		if (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(m.Data, said) == nil { // else it is not of this contract
			take(said)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("holdfast: follow %s: %w", subject, err)
	}
	return sub.Unsubscribe, nil
}
