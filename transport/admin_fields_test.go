package transport

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

func TestAdminTablesMatchTheSchema(t *testing.T) {
	messages := map[string]proto.Message{
		"audit": new(pb.AuditCommand), "events": new(pb.EventsCommand), "snapshot": new(pb.SnapshotCommand), "why": new(pb.WhyCommand),
		"lane": new(pb.LaneCommand), "one-click": new(pb.OneClickEverywhereCommand), "resolve": new(pb.ResolveCommand),
		"webhooks": new(pb.WebhooksCommand), "evidence": new(pb.EvidenceCommand), "ticket-rotate": new(pb.TicketRotateCommand),
		"wallet-show": new(pb.WalletShowCommand), "wallet-export": new(pb.WalletExportCommand), "wallet-erase": new(pb.WalletEraseCommand),
		"inspect": new(pb.InspectCommand), "backup": new(pb.BackupCommand), "archive": new(pb.ArchiveCommand), "sleep": new(pb.SleepCommand), "release-quarantine": new(pb.ReleaseQuarantineCommand),
	}
	done := map[string]bool{}
	for verb, table := range adminMessages {
		if messages[verb] == nil {
			t.Errorf("this test has no message of %s", verb)
			continue
		}
		checkTable(t, table, messages[verb], done)
	}
}
