package engine

// Code says how a command ended. Codes after [CodeOK] are refusals.
//
// They are ordered by precedence: when several refusals would be true, the engine answers with the first. Their names are part of the wire
// contract and their numbers part of the log's format: append before codeEnd only with a new number, never renumber.
type Code uint8

// The codes, most important first. The comment on each says what the caller should understand.
const (
	CodeOK Code = iota // the command was accepted

	// Answers given before Step. They are not outcomes: nothing remembers them.

	CodeMalformed    // the message is not protobuf or JSON of this contract
	CodeTooLarge     // the message, or a list in it, is longer than allowed
	CodeUnknownVerb  // the subject names no verb of this contract
	CodeUnknownField // the JSON has a field that the message does not have
	CodeCardNumber   // a field holds what looks like a card number: never send one here
	CodeOverloaded   // a bound on work in flight is reached: retry after the hint
	CodeUnavailable  // the engine is stopping, or cannot write: retry
	CodeQuarantined  // the event's state could not be trusted and is set aside: an operator must look
	CodeInternal     // the engine failed on this command; nothing was changed

	// Refusals by the event.

	CodeInvalid           // a field has a value that can never be right
	CodeRequestMismatch   // this request id was used before, with other content
	CodeEventUnknown      // no such event
	CodeEventExists       // the event id is taken
	CodeWrongState        // the event's state does not allow this
	CodeHoldUnknown       // no such hold of this buyer
	CodeHoldExpired       // the hold's deadline has passed
	CodeHoldEnded         // the hold was released, replaced or confirmed before
	CodeOrderUnknown      // no such order
	CodePaymentInProgress // the buyer's hold is being paid
	CodePaymentRefMissing // money is due and no payment reference was given
	CodeNotOnSale         // the event does not sell now
	CodeLotUnknown        // no such lot
	CodePoolUnknown       // no such pool
	CodeSeatUnknown       // no such seat in this lot
	CodeLotNotOpen        // the lot's tier has not opened yet
	CodeBelowMinimum      // less than the lot's minimum an order
	CodeAboveMaximum      // more than the lot's or the order's maximum
	CodeRequiresMissing   // the lot is sold only together with another
	CodeLimitReached      // the buyer's limit is reached
	CodeSoldOut           // not enough tickets free
	CodeSeatTaken         // a chosen seat is not free
	CodePriceExceeded     // the total is above max_price_minor
	CodeTooMany           // a bound of the engine is reached (docs/limits.md)
	CodeNotTogether       // the seats are free, but not side by side
	CodeEventArchived     // the event was archived: it takes no more commands

	CodePurchaseUnknown    // no such purchase of this buyer
	CodeOfferUnknown       // no such offer of this buyer
	CodeOfferUsed          // the offer has bought already: one offer buys once
	CodeOfferExpired       // the offer's time is over: ask for a new one
	CodeNotEligible        // the buyer cannot buy with one click: the text says why
	CodeStepUpRequired     // this purchase needs the standard flow: the text says why
	CodeOneClickOff        // one-click checkout is switched off for this buyer
	CodeDuplicateSuspected // the same items were bought a moment ago: again: true if that is meant
	CodePaymentUnavailable // the gateway does not answer: nothing was held
	CodePaymentBusy        // more purchases wait for the gateway than it can take in time: nothing was held
	CodeMethodUnknown      // the buyer has no such saved method
	CodeMethodUnusable     // the saved method cannot be charged: the text says why
	CodeUndoTooLate        // the time to undo is over: ask for a refund
	CodeTicketUnknown      // no such ticket
	CodeTicketVoid         // the ticket is no longer valid: refunded, undone, or its code was replaced
	CodeTicketTooEarly     // the purchase can still be undone: the ticket admits nobody yet
	CodeAlreadyAdmitted    // the ticket was used before: the text says when
	CodeNotRefundable      // the order cannot be refunded like this: the text says why
	CodeLateNotPossible    // a payment came too late and its tickets are gone: give the money back
	CodeAgreementMissing   // the buyer has not agreed to be charged like this
	CodeTooManyLinks       // the buyer is linked to more identities than the engine allows
	CodeBuyerUnknown       // nothing is known of this buyer
	CodeEraseWaits         // a charge of this buyer is still open: retry when it has ended

	CodeLobbyClosed   // the line takes nobody now: its lobby has not opened, or the event is sold without a line
	CodeNotInLine     // the buyer has no place in the line: the text says what became of it
	CodePassRequired  // the event is sold through its line, and the buyer has no pass
	CodePassExpired   // the buyer's pass has run out: join again
	CodeAlreadyInLine // somebody whom the buyer is linked to has a place
	CodeDrawDone      // the draw has what it needs: it cannot be given anything else
	CodeWishUnknown   // the buyer waits for nothing like this
	CodeCodeUnknown   // no such code
	CodeCodeUsedUp    // the code was used as often as it may be
	CodeCodeLocked    // too many codes were tried that are none: retry after the hint
	CodeTrackUnknown  // the line has no such track, or it is for those with a code

	codeEnd
)

// Codes is how many codes there are: the size of a table indexed by Code.
const Codes = int(codeEnd)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var codeNames = [Codes]string{
	"ok", "malformed", "too_large", "unknown_verb", "unknown_field", "card_number", "overloaded", "unavailable", "quarantined", "internal",
	"invalid", "request_mismatch", "event_unknown", "event_exists", "wrong_state", "hold_unknown", "hold_expired", "hold_ended",
	"order_unknown", "payment_in_progress", "payment_ref_missing", "not_on_sale", "lot_unknown", "pool_unknown", "seat_unknown",
	"lot_not_open", "below_minimum", "above_maximum", "requires_missing", "limit_reached", "sold_out", "seat_taken", "price_exceeded", "too_many",
	"not_together",
	"event_archived",
	"purchase_unknown",
	"offer_unknown",
	"offer_used",
	"offer_expired",
	"not_eligible",
	"step_up_required",
	"one_click_off",
	"duplicate_suspected",
	"payment_unavailable",
	"payment_busy",
	"method_unknown",
	"method_unusable",
	"undo_too_late",
	"ticket_unknown",
	"ticket_void",
	"ticket_too_early",
	"already_admitted",
	"not_refundable",
	"late_not_possible",
	"agreement_missing",
	"too_many_links",
	"buyer_unknown",
	"erase_waits",
	"lobby_closed",
	"not_in_line",
	"pass_required",
	"pass_expired",
	"already_in_line",
	"draw_done",
	"wish_unknown",
	"code_unknown",
	"code_used_up",
	"code_locked",
	"track_unknown",
}

// String returns the code's name on the wire.
func (c Code) String() string {
	if c < codeEnd {
		return codeNames[c]
	}
	return "code_unknown"
}

// Retryable reports whether the same command may succeed later, under a new request id if an event's Step has refused it: a request id has one answer.
func (c Code) Retryable() bool {
	// Every other code stays true until the command or the event is another.
	//
	//exhaustive:ignore
	switch c {
	case CodeOverloaded, CodeUnavailable, CodeQuarantined, CodeNotOnSale, CodeLotNotOpen, CodePaymentInProgress, CodeTooMany,
		CodePaymentUnavailable, CodePaymentBusy, CodeTicketTooEarly, CodeEraseWaits, CodeLobbyClosed, CodePassRequired, CodeCodeLocked:
		return true
	default:
		return false
	}
}
