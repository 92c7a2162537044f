package transport

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkTable holds a decoding table against the generated descriptor: the same fields, numbers, types and presence.
func checkTable(t *testing.T, m *message, standard proto.Message, done map[string]bool) {
	t.Helper()
	checkDescriptor(t, m, standard.ProtoReflect().Descriptor(), done)
}

func checkDescriptor(t *testing.T, m *message, d protoreflect.MessageDescriptor, done map[string]bool) {
	t.Helper()
	if m.name != string(d.Name()) {
		t.Errorf("table %s stands for message %s", m.name, d.Name())
	}
	if done[m.name] {
		return
	}
	done[m.name] = true
	if len(m.fields) != d.Fields().Len() {
		t.Errorf("%s has %d fields in the table and %d in the schema", m.name, len(m.fields), d.Fields().Len())
	}
	for i := range m.fields {
		f := &m.fields[i]
		std := d.Fields().ByName(protoreflect.Name(f.name))
		if std == nil {
			t.Errorf("%s.%s is not in the schema", m.name, f.name)
			continue
		}
		if int(std.Number()) != int(f.num) {
			t.Errorf("%s.%s has number %d in the table and %d in the schema", m.name, f.name, f.num, std.Number())
		}
		if want := kindOf(std); f.kind != want {
			t.Errorf("%s.%s has kind %d in the table and %d in the schema", m.name, f.name, f.kind, want)
		}
		if f.present != (std.HasPresence() && f.kind != kindMessage) {
			t.Errorf("%s.%s: presence is %v in the table and %v in the schema", m.name, f.name, f.present, std.HasPresence())
		}
		if f.sub != nil {
			checkDescriptor(t, f.sub, std.Message(), done)
		}
	}
}

func kindOf(f protoreflect.FieldDescriptor) kind {
	switch {
	case f.Kind() == protoreflect.BoolKind:
		return kindBool
	case f.Kind() == protoreflect.Int64Kind && !f.IsList():
		return kindInt
	case f.Kind() == protoreflect.StringKind && f.IsList():
		return kindStrings
	case f.Kind() == protoreflect.StringKind:
		return kindString
	case f.Kind() == protoreflect.MessageKind && f.Message().FullName() == "google.protobuf.Timestamp":
		return kindTime
	case f.Kind() == protoreflect.MessageKind && f.IsList():
		return kindMessages
	case f.Kind() == protoreflect.MessageKind:
		return kindMessage
	}
	return 0
}
