package transport

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// decodeWith decodes a body as the server does.
func decodeWith(d *decoder, verb engine.Verb, body []byte) bool {
	d.reset()
	if verb == verbBatch {
		return d.decodeBatch(body, false)
	}
	return d.decodeCommand(verb, body)
}

// sameCommands says how two lists of commands differ, or "".
func sameCommands(got, want []engine.Command) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d commands instead of %d", len(got), len(want))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Sprintf("command %d is\n%+v %+v\ninstead of\n%+v %+v", i, got[i], got[i].Spec, want[i], want[i].Spec)
		}
	}
	return ""
}

// refusedForItsValue reports whether a well-formed message was refused for what it says, not for how it says it.
func refusedForItsValue(code engine.Code) bool {
	switch code { //nolint:exhaustive // the others are refusals of the form
	case engine.CodeInvalid, engine.CodeTooLarge, engine.CodeCardNumber, engine.CodeUnknownVerb:
		return true
	default:
		return false
	}
}

var jsonOut = protojson.MarshalOptions{UseProtoNames: true}

// checkMessage decodes m in both languages and compares with the reference.
func checkMessage(t *testing.T, d *decoder, verb engine.Verb, m proto.Message) {
	t.Helper()
	want, ids := referenceCommands(m)
	binary, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	bodies := [][]byte{binary}
	text, err := jsonOut.Marshal(m)
	if err == nil { // protobuf can name times that JSON cannot
		bodies = append(bodies, text)
	}
	for _, body := range bodies {
		if !decodeWith(d, verb, body) {
			if !refusedForItsValue(d.problem.code) {
				t.Fatalf("%s refused: %+v\n%s", verb, d.problem, text)
			}
			continue
		}
		if diff := sameCommands(d.commands, want); diff != "" {
			t.Fatalf("%s: %s\nfrom %s", verb, diff, text)
		}
		if !reflect.DeepEqual(d.ids, ids) {
			t.Fatalf("%s: request ids %q instead of %q", verb, d.ids, ids)
		}
	}
}

func TestBothLanguagesMeanTheSameCommand(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var d decoder
	for verb, empty := range referenceMessages {
		accepted := 0
		for range 500 {
			m := empty()
			randomize(rng, m.ProtoReflect(), 0)
			checkMessage(t, &d, verb, m)
			if d.problem.code == engine.CodeOK {
				accepted++
			}
		}
		if accepted < 100 {
			t.Errorf("%s: only %d of 500 random messages were accepted: the generator proves nothing", verb, accepted)
		}
	}
}

// FuzzProtobufCommand compares the protobuf decoder with proto.Unmarshal on any bytes.
func FuzzProtobufCommand(f *testing.F) {
	seedCodec(f, proto.Marshal)
	for _, number := range []protowire.Number{protowire.MaxValidNumber, protowire.MaxValidNumber + 1} { // an unknown field of a time
		time := protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 1)
		f.Add(uint8(engine.VerbCreate), protowire.AppendBytes(protowire.AppendTag(nil, 28, protowire.BytesType), time))
	}
	var d decoder
	f.Fuzz(func(t *testing.T, number uint8, body []byte) {
		verb := fuzzVerb(number)
		if isJSON(body) {
			return
		}
		m := referenceMessages[verb]()
		err := proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, m)
		if decodeWith(&d, verb, body) {
			if err != nil {
				t.Fatalf("accepted what proto.Unmarshal refuses: %v", err)
			}
			want, _ := referenceCommands(m)
			if diff := sameCommands(d.commands, want); diff != "" {
				t.Fatal(diff)
			}
		} else if d.problem.text == "" {
			t.Fatal("refused without a reason")
		}
		if err == nil { // whatever the spelling was, the usual spelling of the same message is accepted
			checkMessage(t, &d, verb, m)
		}
	})
}

// FuzzJSONCommand compares the JSON decoder with protojson on any text. It is stricter than protojson, never more lenient.
func FuzzJSONCommand(f *testing.F) {
	seedCodec(f, jsonOut.Marshal)
	f.Add(uint8(engine.VerbHold), []byte(`{"request_id":"\u00e9\ud83c\udfab","items":[{"lot":"ga","quantity":"2"}],"max_price_minor":null}`))
	f.Add(uint8(engine.VerbCreate), []byte(`{"starts_at":"2026-06-01T18:00:00.5+02:00","spread_ms":0,"open":true}`))
	var d decoder
	f.Fuzz(func(t *testing.T, number uint8, body []byte) {
		verb := fuzzVerb(number)
		if !isJSON(body) || !decodeWith(&d, verb, body) {
			if isJSON(body) && d.problem.text == "" {
				t.Fatal("refused without a reason")
			}
			return
		}
		m := referenceMessages[verb]()
		if err := protojson.Unmarshal(body, m); err != nil {
			t.Fatalf("accepted what protojson refuses: %v\n%s", err, body)
		}
		want, _ := referenceCommands(m)
		if diff := sameCommands(d.commands, want); diff != "" {
			t.Fatalf("%s\nfrom %s", diff, body)
		}
		checkMessage(t, &d, verb, m)
	})
}

// FuzzHere compares the decoders of a heartbeat with the standard ones.
func FuzzHere(f *testing.F) {
	f.Add([]byte(`{"request_id":"r1","buyer":"b1","buyers":["b2","b3"],"correlation":"x"}`))
	f.Add([]byte(`{"buyers":[]}`))
	f.Add([]byte{2<<3 | 2, 2, 'b', '1', 5<<3 | 2, 2, 'b', '2'})
	var d decoder
	f.Fuzz(func(t *testing.T, body []byte) {
		d.reset()
		if !d.decode(hereMessage, body) {
			if d.problem.text == "" {
				t.Fatal("refused without a reason")
			}
			return
		}
		m := new(pb.HereCommand)
		var err error
		if isJSON(body) {
			err = protojson.Unmarshal(body, m)
		} else {
			err = proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, m)
		}
		if err != nil || m.Buyer != d.scope.after || !slices.Equal(m.Buyers, d.links) || m.RequestId != d.scope.batchID || m.Correlation != d.scope.batchCorrelation {
			t.Fatalf("%q is read as %q %q, and is %v (%v)", body, d.scope.after, d.links, m, err)
		}
	})
}

// FuzzRescue looks for panics and for echoes that no reply may carry.
func FuzzRescue(f *testing.F) {
	seedCodec(f, proto.Marshal)
	seedCodec(f, jsonOut.Marshal)
	f.Add(uint8(0), []byte(`{"x":[{"y":"}"}],"request_id":"r1","correlation":"c"`))
	f.Fuzz(func(t *testing.T, _ uint8, body []byte) {
		id, correlation := rescue(body)
		if id != "" && !engine.ValidID(id) {
			t.Fatalf("echoes %q", id)
		}
		if len(correlation) > CorrelationBytesMax || !printable([]byte(correlation)) {
			t.Fatalf("echoes correlation %q", correlation)
		}
	})
}

func fuzzVerb(number uint8) engine.Verb {
	if v := engine.Verb(number); referenceMessages[v] != nil {
		return v
	}
	return verbBatch
}

func seedCodec(f *testing.F, marshal func(proto.Message) ([]byte, error)) {
	rng := rand.New(rand.NewPCG(3, 4))
	for verb, empty := range referenceMessages {
		m := empty()
		randomize(rng, m.ProtoReflect(), 0)
		body, err := marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(verb), body)
	}
}

func TestTablesMatchTheSchema(t *testing.T) {
	for verb, empty := range referenceMessages {
		m := commandMessages[min(int(verb), engine.Verbs-1)]
		if verb == verbBatch {
			m = batchMessage
		}
		checkTable(t, m, empty(), map[string]bool{})
	}
	checkTable(t, listMessage, new(pb.ListCommand), map[string]bool{})
	checkTable(t, hereMessage, new(pb.HereCommand), map[string]bool{})
	checkTable(t, kpisMessage, new(pb.KpisCommand), map[string]bool{})
	for verb, empty := range referenceWalletMessages {
		checkTable(t, walletMessages[verb], empty(), map[string]bool{})
	}
}
