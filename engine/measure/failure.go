package measure

import (
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// FailureOf says whose fault a refusal with a code is; FailureNone for what is no refusal.
func FailureOf(code engine.Code) Failure {
	switch code {
	case engine.CodeOverloaded, engine.CodeUnavailable, engine.CodeQuarantined, engine.CodeInternal, engine.CodeTooMany, engine.CodePaymentBusy:
		return FailureOurs
	case engine.CodePaymentUnavailable, engine.CodeMethodUnusable:
		return FailurePayment
	case engine.CodeWrongState, engine.CodeNotOnSale, engine.CodeLotNotOpen, engine.CodeBelowMinimum, engine.CodeAboveMaximum, engine.CodeRequiresMissing,
		engine.CodeLimitReached, engine.CodeSoldOut, engine.CodeSeatTaken, engine.CodePriceExceeded, engine.CodeNotTogether, engine.CodeEventArchived,
		engine.CodeNotEligible, engine.CodeStepUpRequired, engine.CodeOneClickOff, engine.CodeDuplicateSuspected, engine.CodeUndoTooLate, engine.CodeTicketVoid,
		engine.CodeTicketTooEarly, engine.CodeAlreadyAdmitted, engine.CodeNotRefundable, engine.CodeLateNotPossible, engine.CodeTooManyLinks, engine.CodeEraseWaits,
		engine.CodeLobbyClosed, engine.CodePassRequired, engine.CodeAlreadyInLine, engine.CodeDrawDone, engine.CodeCodeUsedUp, engine.CodeCodeLocked:
		return FailureStock
	case engine.CodeHoldExpired, engine.CodeHoldEnded, engine.CodePaymentInProgress, engine.CodeOfferUsed, engine.CodeOfferExpired, engine.CodePassExpired:
		return FailureBuyer
	case engine.CodeMalformed, engine.CodeTooLarge, engine.CodeUnknownVerb, engine.CodeUnknownField, engine.CodeCardNumber, engine.CodeInvalid,
		engine.CodeRequestMismatch, engine.CodeEventUnknown, engine.CodeEventExists, engine.CodeHoldUnknown, engine.CodeOrderUnknown, engine.CodePaymentRefMissing,
		engine.CodeLotUnknown, engine.CodePoolUnknown, engine.CodeSeatUnknown, engine.CodePurchaseUnknown, engine.CodeOfferUnknown, engine.CodeMethodUnknown,
		engine.CodeTicketUnknown, engine.CodeAgreementMissing, engine.CodeBuyerUnknown, engine.CodeNotInLine, engine.CodeWishUnknown, engine.CodeCodeUnknown,
		engine.CodeTrackUnknown:
		return FailureInput
	case engine.CodeOK:
	}
	return FailureNone
}

// FailureOfDecline says whose fault a declined charge is.
func FailureOfDecline(why payment.Decline) Failure {
	// Not exhaustive: the others are the issuer's or the gateway's word.
	//exhaustive:ignore
	switch why {
	case payment.DeclineAuthentication:
		return FailureBuyer
	case payment.DeclineConfiguration:
		return FailureOurs
	}
	return FailurePayment
}

// endedBy is whose fault it is that a purchase has ended without an order: of entries that end one.
func (e *Entry) endedBy() Failure {
	switch {
	case e.Failure != FailureNone:
		return min(e.Failure, FailureInput)
	case e.Kind == KindDeclined:
		return FailureOfDecline(e.Decline)
	case e.Kind == KindReleased:
		return FailureBuyer
	}
	return FailureOurs
}
