package transport

import (
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/micro"

	"github.com/holdfast-engine/holdfast/engine"
)

// ServiceName is the name under which the engine shows up in NATS discovery: $SRV.PING, $SRV.INFO and $SRV.STATS.
const ServiceName = "holdfast"

// verbNames lists the verbs of the contract, for people.
var verbNames = func() string {
	var list string
	for v, m := range commandMessages {
		if m != nil {
			list += engine.Verb(v).String() + ", "
		}
	}
	return list + VerbHere + ", " + VerbBatch + ", " + VerbBuyerBatch
}()

// announce registers the service in NATS discovery. The subjects of commands are in its metadata and their counts in the data of its
// statistics, but their messages do not pass through the micro package: it would cost them a tenth of their rate.
func (s *Server) announce() error {
	subjects := SubjectEvents + " " + SubjectList
	if s.admin != nil {
		subjects += " " + SubjectAdmin
	}
	if s.kpis != nil {
		subjects += " " + SubjectKPIs
	}
	service, err := micro.AddService(s.nc, micro.Config{
		Name:        ServiceName,
		Version:     s.config.Version,
		Description: "Holdfast, the ticket reservation engine: holdfast.v1",
		QueueGroup:  s.config.QueueGroup,
		Metadata: map[string]string{
			"account":             s.config.Account,
			"subjects":            subjects,
			"verbs":               verbNames,
			"schema":              "holdfast.v1 protobuf, or the same as JSON when the body starts with {",
			"command_bytes_max":   strconv.Itoa(CommandBytesMax),
			"batch_bytes_max":     strconv.Itoa(BatchBytesMax),
			"batch_commands_max":  strconv.Itoa(BatchCommandsMax),
			"correlation_len_max": strconv.Itoa(CorrelationBytesMax),
		},
		StatsHandler: func(*micro.Endpoint) any { return s.Stats() },
	})
	if err != nil {
		return fmt.Errorf("announce the service: %w", err)
	}
	s.service = service
	err = service.AddEndpoint("events-list", micro.HandlerFunc(s.receiveList), micro.WithEndpointSubject(SubjectList))
	if err != nil {
		_ = service.Stop() // the error that matters is the first
		return fmt.Errorf("add endpoint %s: %w", SubjectList, err)
	}
	if s.config.Codes == nil {
		return nil
	}
	if err := service.AddEndpoint("jwks", micro.HandlerFunc(s.receiveJWKS), micro.WithEndpointSubject(SubjectJWKS)); err != nil {
		_ = service.Stop() // the error that matters is the first
		return fmt.Errorf("add endpoint %s: %w", SubjectJWKS, err)
	}
	return nil
}

// receiveJWKS answers with the public keys of the account, whatever the message says.
func (s *Server) receiveJWKS(m micro.Request) {
	s.stats.messages.Add(1)
	s.stats.messageBytes.Add(uint64(len(m.Data())))
	switch {
	case m.Reply() == "":
		s.stats.droppedNoReply.Add(1)
		return
	case !replyAllowed(m.Reply(), s.config.ReplyPrefixes):
		s.stats.droppedReply.Add(1)
		return
	}
	keys, err := s.config.Codes.KeySet(s.config.Account)
	if err != nil {
		ref := refusal{code: engine.CodeUnavailable, text: "the keys cannot be read right now: try again", retryAfterMs: UnavailableRetryAfterDefault.Milliseconds()}
		s.stats.refused[ref.code].Add(1)
		s.publish(m.Reply(), ref.code, "", appendRefusal(nil, true, "", "", &ref))
		return
	}
	s.publish(m.Reply(), engine.CodeOK, "", keys)
}

// receiveList answers events.list.
func (s *Server) receiveList(m micro.Request) {
	s.stats.messages.Add(1)
	s.stats.messageBytes.Add(uint64(len(m.Data())))
	switch {
	case m.Reply() == "":
		s.stats.droppedNoReply.Add(1)
		return
	case !replyAllowed(m.Reply(), s.config.ReplyPrefixes):
		s.stats.droppedReply.Add(1)
		return
	}
	var d decoder
	body, json := m.Data(), isJSON(m.Data())
	if len(body) > CommandBytesMax {
		d.fail(engine.CodeTooLarge, "", "the message has "+strconv.Itoa(len(body))+" bytes and may have "+strconv.Itoa(CommandBytesMax))
		body = body[:CommandBytesMax]
	} else {
		d.decodeList(body)
	}
	if code := d.problem.code; code != engine.CodeOK {
		s.stats.refused[code].Add(1)
		id, correlation := rescue(body)
		ref := refusal{code: code, field: d.problem.field, text: d.problem.text}
		s.publish(m.Reply(), code, correlation, appendRefusal(nil, json, id, correlation, &ref))
		return
	}
	sc := &d.scope
	limit := int(sc.limit)
	events := s.engine.Events(s.config.Account, sc.after, limit+1)
	next := ""
	if len(events) > limit {
		events = events[:limit]
		next = events[limit-1]
	}
	s.publish(m.Reply(), engine.CodeOK, sc.correlation, appendList(nil, json, echoID(sc.requestID), sc.correlation, events, next))
}
