package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

const adminPrefix = "holdfast.v1.admin."

// Admin sends a command of an operator and waits for its answer: cmd is one of the messages of admin.proto. It is sent once; without an answer
// the error is [ErrOutcomeUnknown]. Operators may send any of them again: the audit then has both. The NATS user needs the permission to publish
// to the command's subject. A command without a request id gets one.
func (c *Client) Admin(ctx context.Context, cmd proto.Message) (*pb.AdminReply, error) {
	if c.closed.Load() {
		return nil, ErrClosed
	}
	verb := ""
	switch m := cmd.(type) {
	case *pb.AuditCommand:
		verb = "audit"
		giveID(&m.RequestId)
	case *pb.EventsCommand:
		verb = "events"
		giveID(&m.RequestId)
	case *pb.WhyCommand:
		verb = "why"
		giveID(&m.RequestId)
	case *pb.ArchiveCommand:
		verb = "archive"
		giveID(&m.RequestId)
	case *pb.SleepCommand:
		verb = "sleep"
		giveID(&m.RequestId)
	case *pb.ReleaseQuarantineCommand:
		verb = "release-quarantine"
		giveID(&m.RequestId)
	case *pb.InspectCommand:
		verb = "inspect"
		giveID(&m.RequestId)
	case *pb.BackupCommand:
		verb = "backup"
		giveID(&m.RequestId)
	case *pb.LaneCommand:
		verb = "lane"
		giveID(&m.RequestId)
	case *pb.OneClickEverywhereCommand:
		verb = "one-click"
		giveID(&m.RequestId)
	case *pb.ResolveCommand:
		verb = "resolve"
		giveID(&m.RequestId)
	case *pb.WebhooksCommand:
		verb = "webhooks"
		giveID(&m.RequestId)
	case *pb.EvidenceCommand:
		verb = "evidence"
		giveID(&m.RequestId)
	case *pb.TicketRotateCommand:
		verb = "ticket-rotate"
		giveID(&m.RequestId)
	case *pb.WalletShowCommand:
		verb = "wallet-show"
		giveID(&m.RequestId)
	case *pb.WalletExportCommand:
		verb = "wallet-export"
		giveID(&m.RequestId)
	case *pb.WalletEraseCommand:
		verb = "wallet-erase"
		giveID(&m.RequestId)
	case *pb.SnapshotCommand:
		verb = "snapshot"
		giveID(&m.RequestId)
	default:
		return nil, fmt.Errorf("holdfast: %T is no command of an operator", cmd)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.options.Timeout)
		defer cancel()
	}
	body, err := proto.Marshal(cmd)
	if err != nil {
		return nil, fmt.Errorf("holdfast: encode the command: %w", err)
	}
	m, err := c.nc.RequestWithContext(ctx, adminPrefix+verb, body)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, ErrNoEngine
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", ErrOutcomeUnknown, err)
	}
	reply := new(pb.AdminReply)
	if err := proto.Unmarshal(m.Data, reply); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	if refused := refusalOf(reply.Error); refused != nil {
		return nil, refused
	}
	return reply, nil
}
