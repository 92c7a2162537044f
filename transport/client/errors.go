package client

import (
	"errors"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// ErrOutcomeUnknown says that a command was sent and that no answer came: it may have been carried out or not. Send it again with the same
// request id; the engine then carries it out once, or tells what it did.
var ErrOutcomeUnknown = errors.New("holdfast: outcome unknown: retry with the same request id")

// ErrClosed says that the client was closed before the answer came.
var ErrClosed = errors.New("holdfast: client is closed")

// ErrQueueFull says that more commands are waiting for the event than [Options].QueueMax. The command was not sent.
var ErrQueueFull = errors.New("holdfast: too many commands are waiting for this event")

// ErrNoEngine says that no engine listens. The command was not carried out, unless an earlier attempt was.
var ErrNoEngine = errors.New("holdfast: no engine answers on this NATS system")

// ErrBadReply says that the answer was not one of this contract.
var ErrBadReply = errors.New("holdfast: the reply is not of this contract")

// Refusal is the engine's no to a command. Its code tells what to do; its message is for people.
type Refusal struct {
	Code       engine.Code   // CodeInternal if this client is too old to know the code
	Name       string        // the code on the wire
	Field      string        // the field of the command that is to blame, if one is
	Message    string        // a sentence for people
	Retryable  bool          // the same command may succeed later: the table of codes in docs/wire.md says under which request id
	RetryAfter time.Duration // when, if the engine has an idea

	Alternatives []*pb.Alternative // with ErrSeatTaken: seats that the same hold could take now instead, the best first
}

// Error implements error.
func (r *Refusal) Error() string {
	text := "holdfast: " + r.Name
	if r.Message != "" {
		text += ": " + r.Message
	}
	if r.Field != "" {
		text += " (field " + r.Field + ")"
	}
	return text
}

// Is makes errors.Is(err, ErrSoldOut) true for every refusal with that code.
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal)
	return ok && t.Name == r.Name
}

// The refusals, for errors.Is.
var (
	ErrMalformed          error = sentinel(engine.CodeMalformed)
	ErrTooLarge           error = sentinel(engine.CodeTooLarge)
	ErrUnknownVerb        error = sentinel(engine.CodeUnknownVerb)
	ErrUnknownField       error = sentinel(engine.CodeUnknownField)
	ErrCardNumber         error = sentinel(engine.CodeCardNumber)
	ErrOverloaded         error = sentinel(engine.CodeOverloaded)
	ErrUnavailable        error = sentinel(engine.CodeUnavailable)
	ErrQuarantined        error = sentinel(engine.CodeQuarantined)
	ErrInternal           error = sentinel(engine.CodeInternal)
	ErrInvalid            error = sentinel(engine.CodeInvalid)
	ErrRequestMismatch    error = sentinel(engine.CodeRequestMismatch)
	ErrEventUnknown       error = sentinel(engine.CodeEventUnknown)
	ErrEventExists        error = sentinel(engine.CodeEventExists)
	ErrWrongState         error = sentinel(engine.CodeWrongState)
	ErrHoldUnknown        error = sentinel(engine.CodeHoldUnknown)
	ErrHoldExpired        error = sentinel(engine.CodeHoldExpired)
	ErrHoldEnded          error = sentinel(engine.CodeHoldEnded)
	ErrOrderUnknown       error = sentinel(engine.CodeOrderUnknown)
	ErrPaymentInProgress  error = sentinel(engine.CodePaymentInProgress)
	ErrPaymentRefMissing  error = sentinel(engine.CodePaymentRefMissing)
	ErrNotOnSale          error = sentinel(engine.CodeNotOnSale)
	ErrLotUnknown         error = sentinel(engine.CodeLotUnknown)
	ErrPoolUnknown        error = sentinel(engine.CodePoolUnknown)
	ErrSeatUnknown        error = sentinel(engine.CodeSeatUnknown)
	ErrLotNotOpen         error = sentinel(engine.CodeLotNotOpen)
	ErrBelowMinimum       error = sentinel(engine.CodeBelowMinimum)
	ErrAboveMaximum       error = sentinel(engine.CodeAboveMaximum)
	ErrRequiresMissing    error = sentinel(engine.CodeRequiresMissing)
	ErrLimitReached       error = sentinel(engine.CodeLimitReached)
	ErrSoldOut            error = sentinel(engine.CodeSoldOut)
	ErrSeatTaken          error = sentinel(engine.CodeSeatTaken)
	ErrPriceExceeded      error = sentinel(engine.CodePriceExceeded)
	ErrTooMany            error = sentinel(engine.CodeTooMany)
	ErrNotTogether        error = sentinel(engine.CodeNotTogether)
	ErrEventArchived      error = sentinel(engine.CodeEventArchived)
	ErrPurchaseUnknown    error = sentinel(engine.CodePurchaseUnknown)
	ErrOfferUnknown       error = sentinel(engine.CodeOfferUnknown)
	ErrOfferUsed          error = sentinel(engine.CodeOfferUsed)
	ErrOfferExpired       error = sentinel(engine.CodeOfferExpired)
	ErrNotEligible        error = sentinel(engine.CodeNotEligible)
	ErrStepUpRequired     error = sentinel(engine.CodeStepUpRequired)
	ErrOneClickOff        error = sentinel(engine.CodeOneClickOff)
	ErrDuplicateSuspected error = sentinel(engine.CodeDuplicateSuspected)
	ErrPaymentUnavailable error = sentinel(engine.CodePaymentUnavailable)
	ErrPaymentBusy        error = sentinel(engine.CodePaymentBusy)
	ErrMethodUnknown      error = sentinel(engine.CodeMethodUnknown)
	ErrMethodUnusable     error = sentinel(engine.CodeMethodUnusable)
	ErrUndoTooLate        error = sentinel(engine.CodeUndoTooLate)
	ErrTicketUnknown      error = sentinel(engine.CodeTicketUnknown)
	ErrTicketVoid         error = sentinel(engine.CodeTicketVoid)
	ErrTicketTooEarly     error = sentinel(engine.CodeTicketTooEarly)
	ErrAlreadyAdmitted    error = sentinel(engine.CodeAlreadyAdmitted)
	ErrNotRefundable      error = sentinel(engine.CodeNotRefundable)
	ErrLateNotPossible    error = sentinel(engine.CodeLateNotPossible)
	ErrAgreementMissing   error = sentinel(engine.CodeAgreementMissing)
	ErrTooManyLinks       error = sentinel(engine.CodeTooManyLinks)
	ErrBuyerUnknown       error = sentinel(engine.CodeBuyerUnknown)
	ErrEraseWaits         error = sentinel(engine.CodeEraseWaits)
)

func sentinel(code engine.Code) *Refusal { return &Refusal{Code: code, Name: code.String()} }

// codesByName finds a code by its name on the wire.
var codesByName = func() map[string]engine.Code {
	m := make(map[string]engine.Code, engine.Codes)
	for c := range engine.Codes {
		m[engine.Code(c).String()] = engine.Code(c)
	}
	return m
}()

func codeNamed(name []byte) engine.Code {
	if c, ok := codesByName[string(name)]; ok {
		return c
	}
	return engine.CodeInternal
}

// refusalOf returns the error that a reply carries, nil if it carries none.
func refusalOf(e *pb.Error) *Refusal {
	if e == nil {
		return nil
	}
	return &Refusal{
		Code: codeNamed([]byte(e.Code)), Name: strings.Clone(e.Code), Field: e.Field, Message: e.Message, Retryable: e.Retryable,
		RetryAfter: time.Duration(e.RetryAfterMs) * time.Millisecond, Alternatives: e.Alternatives,
	}
}

// resend reports whether a refused command is worth sending again by itself: nothing is wrong with it, and the reason passes within seconds.
func resend(code engine.Code) bool {
	return code == engine.CodeOverloaded || code == engine.CodeUnavailable
}
