package transport_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
)

// TestALongBatchOfJoinsIsAnswered: what there is to tell of a thousand places with many lots does not fit into one message, and the places themselves must.
func TestALongBatchOfJoinsIsAnswered(t *testing.T) {
	w, _, _ := serveLines(t, engine.Instant(time.Now().UnixNano()))
	line, err := w.caller.SubscribeSync(transport.SubjectLine("e1"))
	if err != nil {
		t.Fatal(err)
	}
	var lots, joins []string
	for i := range 14 {
		lots = append(lots, fmt.Sprintf(`{"lot":"category-%02d","capacity":5000,"face_minor":4500}`, i))
	}
	for i := range transport.BatchCommandsMax {
		joins = append(joins, fmt.Sprintf(`{"join":{"request_id":"j%d","buyer":"b%d","wants":1}}`, i, i))
	}
	create := `{"request_id":"c","currency":"EUR","open":true,"line":{"mode":"line"},"lots":[` + strings.Join(lots, ",") + `]}`
	if r := w.askJSON(t, transport.Subject("e1", "create"), create); r.Error != nil {
		t.Fatal(r.Error)
	}
	if _, err := line.NextMsgWithContext(within(t)); err != nil { // from now on there is more to tell
		t.Fatal(err)
	}
	for range 2 {
		m, err := w.caller.RequestWithContext(within(t), transport.Subject("e1", transport.VerbBuyerBatch), []byte(`{"commands":[`+strings.Join(joins, ",")+`]}`))
		if err != nil {
			t.Fatalf("the batch is not answered: %v", err)
		}
		if n := strings.Count(string(m.Data), `"entry":`); n != transport.BatchCommandsMax {
			t.Errorf("%d of %d places are in the answer", n, transport.BatchCommandsMax)
		}
	}
	for _, asks := range []string{`{"place":{"entries_from":1}}`, `{"place":{"fairness":true}}`} {
		r := w.askJSON(t, transport.Subject("e1", transport.VerbBuyerBatch), `{"commands":[`+asks+`]}`)
		if r.Error == nil || r.Error.Code != engine.CodeInvalid.String() {
			t.Errorf("%s in a batch: %+v", asks, r.Error)
		}
	}
}
