package transport

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// rescue finds the request id and the correlation of a message that did not decode, wherever in it they are, so that the caller can tell
// which of its requests was refused. What it cannot find stays empty. The strings are copies, cut to what a reply may echo.
func rescue(body []byte) (requestID, correlation string) {
	if isJSON(body) {
		requestID, correlation = rescueJSON(body)
	} else {
		requestID, correlation = rescueProto(body)
	}
	if len(correlation) > CorrelationBytesMax || looksLikeCard(correlation) {
		correlation = ""
	}
	return strings.Clone(echoID(requestID)), strings.Clone(correlation)
}

func rescueProto(body []byte) (requestID, correlation string) {
	for len(body) > 0 {
		num, typ, n := protowire.ConsumeTag(body)
		if n < 0 {
			return requestID, correlation
		}
		body = body[n:]
		if n = protowire.ConsumeFieldValue(num, typ, body); n < 0 {
			return requestID, correlation
		}
		if typ == protowire.BytesType {
			v, _ := sized(body)
			if printable(v) {
				switch num {
				case 1:
					requestID = view(v)
				case 15:
					correlation = view(v)
				}
			}
		}
		body = body[n:]
	}
	return requestID, correlation
}

func rescueJSON(body []byte) (requestID, correlation string) {
	var d decoder
	s := scanner{b: body, i: 1, d: &d}
	for {
		s.space()
		key, ok := s.text()
		if !ok {
			return requestID, correlation
		}
		s.space()
		if !s.take(':') {
			return requestID, correlation
		}
		s.space()
		if s.peek() == '"' && (key == "request_id" || key == "correlation") {
			v, ok := s.text()
			if !ok {
				return requestID, correlation
			}
			if key == "request_id" {
				requestID = v
			} else if printable([]byte(v)) {
				correlation = v
			}
		} else if !s.skip() {
			return requestID, correlation
		}
		s.space()
		if !s.take(',') {
			return requestID, correlation
		}
	}
}

// skip steps over one value without judging it more than needed to find its end.
func (s *scanner) skip() bool {
	depth := 0
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case '"':
			if _, ok := s.text(); !ok {
				return false
			}
		case '{', '[':
			if depth++; depth > jsonDepthMax {
				return false
			}
			s.i++
			continue
		case '}', ']':
			if depth == 0 {
				return false
			}
			depth--
			s.i++
		default:
			s.i++
			if depth == 0 && s.i < len(s.b) && !endsValue(s.b[s.i]) {
				continue
			}
		}
		if depth == 0 {
			return true
		}
	}
	return false
}

func endsValue(c byte) bool {
	switch c {
	case ',', '}', ']', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
