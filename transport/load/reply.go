package load

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/holdfast-engine/holdfast/engine"
)

// answer is what a load reads of a Reply. Its bytes are views into the message.
type answer struct {
	request      []byte
	code         engine.Code
	retryAfterMs uint64
	repeated     bool
	hold         []byte // that is shown
	buyer        []byte // of a hold or a place that is shown
	correlation  []byte
}

var errCutOff = errors.New("an answer is cut off, or not of this contract")

var codesByName = func() map[string]engine.Code {
	m := make(map[string]engine.Code, engine.Codes)
	for c := range engine.Code(engine.Codes) {
		m[c.String()] = c
	}
	return m
}()

// readAnswer reads a Reply; each, if not nil, is called with every result of a batch, in order.
func readAnswer(body []byte, each func(*answer) error) (answer, error) {
	var a answer
	for len(body) > 0 {
		field, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return a, errCutOff
		}
		body = body[n:]
		if kind != protowire.BytesType {
			v, n := protowire.ConsumeVarint(body)
			if kind != protowire.VarintType || n < 0 {
				return a, errCutOff
			}
			a.repeated = a.repeated || field == 2 && v != 0
			body = body[n:]
			continue
		}
		v, n := protowire.ConsumeBytes(body)
		if n < 0 {
			return a, errCutOff
		}
		body = body[n:]
		var err error
		switch field {
		case 1:
			a.request = v
		case 3:
			err = a.readError(v)
		case 4:
			err = a.readHold(v)
		case 8:
			if each != nil {
				var result answer
				if result, err = readAnswer(v, nil); err == nil {
					err = each(&result)
				}
			}
		case 15:
			a.correlation = v
		case 17:
			err = a.readPlace(v)
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

func (a *answer) readError(body []byte) error {
	return fields(body, func(field protowire.Number, v []byte, number uint64) error {
		switch field {
		case 1:
			code, known := codesByName[string(v)]
			if !known {
				return fmt.Errorf("an answer has the code %q, which this program does not know: is the engine of another version?", v)
			}
			a.code = code
		case 5:
			a.retryAfterMs = number
		}
		return nil
	})
}

func (a *answer) readHold(body []byte) error {
	return fields(body, func(field protowire.Number, v []byte, _ uint64) error {
		switch field {
		case 1:
			a.hold = v
		case 3:
			a.buyer = v
		}
		return nil
	})
}

func (a *answer) readPlace(body []byte) error {
	return fields(body, func(field protowire.Number, v []byte, _ uint64) error {
		if field == 2 {
			a.buyer = v
		}
		return nil
	})
}

// fields calls each with the fields of a message that has only text and numbers.
func fields(body []byte, each func(field protowire.Number, v []byte, number uint64) error) error {
	for len(body) > 0 {
		field, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return errCutOff
		}
		body = body[n:]
		var v []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			v, n = protowire.ConsumeBytes(body)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(body)
		default:
			n = -1
		}
		if n < 0 {
			return errCutOff
		}
		body = body[n:]
		if err := each(field, v, number); err != nil {
			return err
		}
	}
	return nil
}
