package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// eventFileBytesMax bounds what is read of an event file. It is far more than the wire takes, so that the wire's own answer is the one given.
const eventFileBytesMax = 8 << 20

// readEventFile reads the fields of an event from a file, or from stdin when the name is "-": JSON as on the wire, or YAML of the same fields.
//
// The field `event` is the event's id. It is no field of the wire, where the id is in the subject, so it is taken out and returned.
func readEventFile(name string, stdin io.Reader) (id string, fields map[string]any, err error) {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", nil, fmt.Errorf("read -f: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		from = file
	}
	text, err := io.ReadAll(io.LimitReader(from, eventFileBytesMax+1))
	if err != nil {
		return "", nil, fmt.Errorf("read -f: %w", err)
	}
	if len(text) > eventFileBytesMax {
		return "", nil, fmt.Errorf("%s has more than %s: an event is a few kilobytes", name, formatSize(eventFileBytesMax))
	}
	fields, err = parseEvent(text)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", name, err)
	}
	if v, there := fields["event"]; there {
		var ok bool
		if id, ok = v.(string); !ok {
			return "", nil, fmt.Errorf("%s: event must be text: the id of the event", name)
		}
		delete(fields, "event")
	}
	return id, fields, nil
}

// parseEvent reads JSON or YAML into the values that encoding/json writes.
func parseEvent(text []byte) (map[string]any, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, errors.New("it is empty: `engine event create --help` shows an event to start from")
	}
	fields := map[string]any{}
	if text[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // prices are whole numbers of minor units: none may pass through a float
		if err := d.Decode(&fields); err != nil {
			return nil, fmt.Errorf("it is no JSON: %w", err)
		}
		if d.More() {
			return nil, errors.New("it goes on after the JSON object: one file is one event")
		}
		return fields, nil
	}
	if err := yaml.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("it is neither JSON nor YAML of the form `field: value`: %w", err)
	}
	for name, v := range fields {
		fields[name] = wireValue(name, v)
	}
	return fields, nil
}

// wireValue turns what YAML made of a value into what the wire wants: times as RFC 3339, and rows and seats as text although people number them.
func wireValue(name string, v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case int:
		switch name {
		case "row", "section", "through", "labels", "best", "aisles", "missing", "accessible", "companion", "restricted":
			return strconv.Itoa(v)
		}
	case map[string]any:
		for k := range v {
			v[k] = wireValue(k, v[k])
		}
	case []any:
		for i := range v {
			v[i] = wireValue(name, v[i])
		}
	}
	return v
}
