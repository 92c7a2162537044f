package engine

import "strconv"

// sentence is a whole sentence of a refusal, for codes whose message is not made from the numbers.
type sentence uint8

const (
	noSentence sentence = iota
	isDraft
	isOnSale
	isPaused
	isClosed
	isObserved
	tooManyHolds
	tooManyBuyers
	tooManyOrders
	seatsOfCountedLot
	tooManySeats
	quantityOfSeatedLot
	capacityOfSeatedLot
	seatTwice
	seatNotBlocked
	tooFewFree
	wasReleased
	wasReplaced
	wasConfirmed
	accessibleSeats
	companionSeats
	ordinarySeats
	wasArchived
	ticketsAreHeld
	isCancelled
	codeReplaced
	tooManyTickets
	tooManyCodes
	tooManyRefunds
	notByBuyers
	linkedBuyers
	moreThanLeft
	noSuchRefund
	refundNotFailed
	tooManyTries
	nothingLeft
	ticketsUsed
	ticketTwice
	chargesAreOpen
	tooManyPurchases
	notSold
	wasUndone
	orderHasChanged
	notStuck
	shareShrinks
	notWhatWasOffered
	methodWasOther
	methodIsSlow
	methodNeedsURL
	methodNeedsBuyer
	noLineHere
	noLineLater
	tooManyInLine
	tooManyJoins
	lineIsOver
	passWasSpent
	passHasLapsed
	turnIsOver
	placeWasLeft
	drawsLater
	turnHasNotCome
	turnWasSkipped
	waitsForOthers
	wishTwice
	holdsTickets
	offerKeepsTime
	tooManyWaits
	tooManyWaiting
	tooManyKinds
	doesNotWait
	ticketsForTheLine
	freedForWaiters
	oneItemToWait
	lotNeedsCode
	trackNeedsCode
	codeOfOthers
	codeOfNoTrack
	codeHasEnded
	codeIsEarly
	tooManyCodePrices
	tooManyEventCodes
	eligibleSentences // one an Eligibility, then one a StepUp
	stepUpSentences   = eligibleSentences + sentence(eligibilityEnd)
	sentencesEnd      = stepUpSentences + sentence(stepUpEnd)
)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var sentences = [sentencesEnd]string{
	noSentence:          "",
	isDraft:             "the event is a draft",
	isOnSale:            "the event is on sale",
	isPaused:            "sales are paused",
	isClosed:            "sales are closed",
	isObserved:          "it is in mode observe, its shop sells elsewhere and reports by touches",
	tooManyHolds:        "the event has as many live holds as the engine allows: retry later",
	tooManyBuyers:       "the event has as many buyers as the engine allows: retry later",
	tooManyOrders:       "the event has as many orders as the engine allows",
	seatsOfCountedLot:   "this lot has no seats: ask for a quantity",
	tooManySeats:        "a hold has at most 256 seats",
	quantityOfSeatedLot: "this lot is seated: name the seats",
	capacityOfSeatedLot: "the capacity of a seated lot is its seats: block or unblock them",
	seatTwice:           "a seat is there twice",
	seatNotBlocked:      "the seat is not blocked",
	tooFewFree:          "fewer tickets are free than at least wanted",
	wasReleased:         "the hold was released",
	wasReplaced:         "the hold was replaced by a newer one",
	wasConfirmed:        "the hold was confirmed: it is an order now",
	accessibleSeats:     "accessible seats", // of which too few are left
	companionSeats:      "companion seats",
	ordinarySeats:       "ordinary seats",
	wasArchived:         "the event was archived",
	ticketsAreHeld:      "tickets are held or being paid",
	isCancelled:         "the event was cancelled",
	codeReplaced:        "its code was replaced by a newer one",
	tooManyTickets:      "the event has as many tickets that were used or changed as the engine allows",
	tooManyCodes:        "the ticket has been given as many codes as the engine allows",
	tooManyRefunds:      "there are as many refunds as the engine allows: refund what is left at once",
	notByBuyers:         "the event takes no refunds from buyers now: the organiser may refund",
	noSuchRefund:        "the order has no such refund",
	refundNotFailed:     "the refund has not failed",
	tooManyTries:        "the refund was asked for as often as the engine allows",
	linkedBuyers:        "linked buyers",
	moreThanLeft:        "it is more than what is left of what was paid",
	nothingLeft:         "all its tickets are void already",
	ticketsUsed:         "a ticket was used",
	ticketTwice:         "a ticket is there twice",
	chargesAreOpen:      "charges are open",
	tooManyPurchases:    "the event has as many purchases as the engine allows",
	notSold:             "the purchase is not sold",
	wasUndone:           "the purchase was undone before",
	orderHasChanged:     "the order was changed since: ask for a refund",
	notStuck:            "nobody waits for an operator's word on this charge",
	shareShrinks:        "buyers who have one-click checkout keep it: switch it off instead, or give a share that is not smaller",
	notWhatWasOffered:   "these are not the items of the offer: leave them out, or ask for a new offer",
	methodWasOther:      "the offer was made with another saved method: name the method, or ask for a new offer",
	methodIsSlow:        "its money comes days later",
	methodNeedsURL:      "it sends the buyer elsewhere: return_url is missing",
	methodNeedsBuyer:    "it cannot be charged again without the buyer's bank: hold, then buy with the hold",

	noLineHere:        "the event is sold without a line now: hold or buy right away",
	noLineLater:       "the event is sold without a line: hold or buy once it is on sale",
	tooManyInLine:     "the line has as many entries as the engine allows",
	tooManyJoins:      "the buyer has joined the line as often as the engine allows",
	lineIsOver:        "the line has ended with its event",
	passWasSpent:      "the pass was spent by an order: join again for another",
	passHasLapsed:     "the pass has run out: join again",
	turnIsOver:        "the turn came, and nobody was back in time: join again",
	placeWasLeft:      "the place was given up: join again",
	turnHasNotCome:    "the turn has not come yet",
	turnWasSkipped:    "the turn came while nobody was there: say that the buyer is back",
	waitsForOthers:    "the buyer waits for other tickets already: leave the waiting list first",
	wishTwice:         "the same wish is there twice: of a lot without seats all tickets are together",
	holdsTickets:      "the buyer has a hold: release it first",
	offerKeepsTime:    "what was offered to somebody who waited is not extended: pay for it before its deadline",
	tooManyWaits:      "the buyer has been on the waiting list as often as the engine allows",
	tooManyWaiting:    "the waiting list has as many entries as the engine allows",
	tooManyKinds:      "there are as many kinds of wishes as the engine allows: wish for as many of a lot, together or not, as others wait for, or retry when some of them have left",
	doesNotWait:       "the buyer is not on the waiting list",
	ticketsForTheLine: "tickets are left for the line: join it",
	freedForWaiters:   "tickets were freed for those who wait for them: retry in a moment",
	oneItemToWait:     "to wait, a purchase is of one lot, without chosen seats or seats of a kind",
	lotNeedsCode:      "is sold with a code only",
	trackNeedsCode:    "this track is for those who join with a code",
	codeOfOthers:      "the code is for none of these lots",
	codeOfNoTrack:     "the code gives no place in this track",
	codeHasEnded:      "the code is not good any more",
	codeIsEarly:       "the code is not good yet",
	tooManyCodePrices: "the event has as many prices with codes as the engine allows",
	tooManyEventCodes: "the event has as many codes as the engine allows",

	drawsLater: "a value is taken only where one was promised, once the lobby has closed and before the seed is revealed",

	eligibleSentences + sentence(EligibleUnknown):     "buyer_unknown: nothing is saved for this buyer",
	eligibleSentences + sentence(EligibleNoMethod):    "no_method: no method of payment is saved",
	eligibleSentences + sentence(EligibleNoPurchase):  "no_purchase: the buyer has not bought before",
	eligibleSentences + sentence(EligibleExpired):     "method_expired: the saved method has expired",
	eligibleSentences + sentence(EligibleNotReusable): "method_not_reusable: the saved method cannot be charged again",
	eligibleSentences + sentence(EligibleBlocked):     "method_blocked: the saved method was declined for good or removed",
	eligibleSentences + sentence(EligibleNoGateway):   "gateway_unknown: the engine has no such gateway",
	eligibleSentences + sentence(EligibleNoAgreement): "no_agreement: the buyer has not agreed to be charged with one click",

	stepUpSentences + sentence(StepUpNewDevice):      "new_device: the device is new to this buyer",
	stepUpSentences + sentence(StepUpNewMethod):      "new_method: the method was saved less than a day ago",
	stepUpSentences + sentence(StepUpNewContact):     "contact_changed: the contact was changed less than a day ago",
	stepUpSentences + sentence(StepUpBuyerVelocity):  "buyer_velocity: too many purchases of this buyer",
	stepUpSentences + sentence(StepUpCardVelocity):   "card_velocity: too many purchases with this card",
	stepUpSentences + sentence(StepUpDeviceVelocity): "device_velocity: too many purchases from this device",
	stepUpSentences + sentence(StepUpAboveAgreement): "above_agreement: it is more than the buyer agreed to",
}

// sellsHere refuses a command on what was bought if there is no event, or one that sells elsewhere.
func (e *Event) sellsHere(cmd *Command) bool {
	switch {
	case e.state == 0:
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
	case e.spec.Observe:
		e.refuse(cmd, refusal{code: CodeNotOnSale, field: fieldEvent, text: isObserved})
	default:
		return true
	}
	return false
}

// notSelling says why nothing can be bought.
func (e *Event) notSelling() sentence {
	if e.spec.Observe {
		return isObserved
	}
	return e.notOnSale()
}

// notOnSale says in which state the event is.
func (e *Event) notOnSale() sentence {
	switch e.state {
	case EventDraft:
		return isDraft
	case EventOnSale:
		return isOnSale
	case EventPaused:
		return isPaused
	case EventClosed:
		return isClosed
	case EventCancelled:
		return isCancelled
	case EventArchived:
		return wasArchived
	}
	return noSentence
}

// eligibleSentence and stepUpSentence say why a buyer needs the standard flow.
func eligibleSentence(r Eligibility) sentence {
	return eligibleSentences + sentence(min(r, eligibilityEnd-1))
}

func stepUpSentence(s StepUp) sentence { return stepUpSentences + sentence(min(s, stepUpEnd-1)) }

// endedAs says how a hold ended.
func endedAs(s HoldState) sentence {
	switch s {
	case HoldReleased:
		return wasReleased
	case HoldReplaced:
		return wasReplaced
	case HoldConfirmed:
		return wasConfirmed
	case HoldHeld, HoldPaying, HoldExpired, HoldForgotten:
	}
	return noSentence
}

// AppendMessage appends a sentence for a refusal that a stranger understands, as in "lot ga has 1 of 2 tickets left". It appends nothing for
// CodeOK. It does not allocate.
func (o *Outcome) AppendMessage(dst []byte) []byte {
	// The others have one fixed sentence each.
	//
	//exhaustive:ignore
	switch o.Code {
	case CodeOK:
		return dst
	case CodeSoldOut:
		if o.Lot == "" && o.Want == 0 { // whatever is free
			break
		}
		if o.Lot == "" {
			return o.numbers(append(dst, "only "...), o.Have, " of at least ", o.Want, " tickets are free")
		}
		dst = append(append(dst, o.place()...), o.Lot...)
		dst = o.numbers(append(dst, " has "...), o.Have, " of ", o.Want, " ")
		if o.Text != "" {
			return append(append(dst, o.Text...), " left"...)
		}
		return append(dst, "tickets left"...)
	case CodeNotTogether:
		dst = strconv.AppendInt(append(append(append(dst, "lot "...), o.Lot...), " has no "...), o.Want, 10)
		return append(dst, " such seats side by side: ask for fewer, or for several groups"...)
	case CodeSeatTaken:
		return append(append(append(dst, "seat "...), o.Lot...), " is not free"...)
	case CodeLimitReached:
		if o.Text != "" {
			return o.numbers(append(dst, "the limit of linked buyers leaves "...), o.Have, " of ", o.Want, " tickets")
		}
		return o.numbers(append(dst, "the limit per buyer leaves "...), o.Have, " of ", o.Want, " tickets")
	case CodePriceExceeded:
		return o.numbers(append(dst, "the total with fees is "...), o.Want, ", above the maximum of ", o.Have, "")
	case CodeBelowMinimum:
		dst = append(append(append(dst, "lot "...), o.Lot...), " is sold from "...)
		return o.numbers(dst, o.Want, " on: ", o.Have, " are too few")
	case CodeAboveMaximum:
		if o.Lot == "" {
			return o.numbers(append(dst, "an order has at most "...), o.Have, " tickets: ", o.Want, " are too many")
		}
		dst = append(append(dst, o.place()...), o.Lot...)
		return o.numbers(append(dst, " allows at most "...), o.Have, " here: ", o.Want, " are too many")
	case CodeRequiresMissing:
		return append(append(append(dst, "lot "...), o.Lot...), " is sold only together with another lot"...)
	case CodeLotUnknown:
		return append(append(dst, "the event has no lot "...), o.Lot...)
	case CodePoolUnknown:
		return append(append(dst, "the event has no pool "...), o.Lot...)
	case CodeSeatUnknown:
		return append(append(dst, "the lot has no seat "...), o.Lot...)
	case CodeLotNotOpen:
		if o.Lot == "" {
			if o.Text == "" {
				return append(dst, codeSentences[o.Code]...)
			}
			return append(dst, o.Text...)
		}
		if o.Text != "" {
			return append(append(append(append(dst, "lot "...), o.Lot...), ' '), o.Text...)
		}
		return append(append(append(dst, "lot "...), o.Lot...), " goes on sale when the one before it has sold out"...)
	case CodeLobbyClosed, CodeTrackUnknown: // another sentence takes the place of the first: both would say two things
		if o.Text != "" {
			return append(dst, o.Text...)
		}
	case CodeInvalid, CodeCardNumber, CodeTooMany:
		if o.Lot != "" {
			dst = append(append(dst, o.Lot...), ": "...)
		} else if o.Field != "" {
			dst = append(append(dst, o.Field...), ": "...)
		}
		if o.Text != "" {
			return append(dst, o.Text...)
		}
		return append(dst, codeSentences[o.Code]...)
	}
	if o.Lot != "" {
		dst = append(append(dst, o.Lot...), ": "...)
	}
	dst = append(dst, codeSentences[o.Code]...)
	if o.Text != "" {
		dst = append(append(dst, ": "...), o.Text...)
	}
	return dst
}

// place says what Lot is in a refusal about a capacity.
func (o *Outcome) place() string {
	if o.pool {
		return "pool "
	}
	return "lot "
}

// numbers appends a sentence around two numbers.
func (o *Outcome) numbers(dst []byte, a int64, between string, b int64, after string) []byte {
	dst = strconv.AppendInt(dst, a, 10)
	dst = append(dst, between...)
	dst = strconv.AppendInt(dst, b, 10)
	return append(dst, after...)
}

// codeSentences says each code in words, for messages that need no more.
//
//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var codeSentences = [Codes]string{
	CodeOK:                 "ok",
	CodeMalformed:          "the message cannot be read",
	CodeTooLarge:           "the message is too large",
	CodeUnknownVerb:        "there is no such verb",
	CodeUnknownField:       "there is no such field",
	CodeCardNumber:         "this looks like a card number",
	CodeOverloaded:         "too much is in flight: retry",
	CodeUnavailable:        "the engine cannot take commands now: retry",
	CodeQuarantined:        "the event is set aside until an operator has looked at it",
	CodeInternal:           "the engine failed on this command: nothing was changed",
	CodeInvalid:            "it can never be right",
	CodeRequestMismatch:    "this request id was used before, with other content",
	CodeEventUnknown:       "there is no such event",
	CodeEventExists:        "the event exists already",
	CodeWrongState:         "the present state does not allow this",
	CodeHoldUnknown:        "the buyer has no such hold",
	CodeHoldExpired:        "the hold's deadline has passed",
	CodeHoldEnded:          "the hold has ended",
	CodeOrderUnknown:       "there is no such order",
	CodePaymentInProgress:  "the buyer's hold is being paid",
	CodePaymentRefMissing:  "money is due: a payment reference is needed",
	CodeNotOnSale:          "the event does not sell now",
	CodeLotUnknown:         "there is no such lot",
	CodePoolUnknown:        "there is no such pool",
	CodeSeatUnknown:        "there is no such seat",
	CodeLotNotOpen:         "the lot is not open yet",
	CodeBelowMinimum:       "it is below the minimum",
	CodeAboveMaximum:       "it is above the maximum",
	CodeRequiresMissing:    "the lot is sold only together with another",
	CodeLimitReached:       "the buyer's limit is reached",
	CodeSoldOut:            "sold out",
	CodeSeatTaken:          "a seat is not free",
	CodePriceExceeded:      "the total is above the maximum",
	CodeTooMany:            "a bound of the engine is reached",
	CodeNotTogether:        "the seats are not side by side",
	CodeEventArchived:      "the event was archived: it takes no more commands",
	CodePurchaseUnknown:    "the buyer has no such purchase",
	CodeOfferUnknown:       "the buyer has no such offer",
	CodeOfferUsed:          "this offer has bought already: ask for a new one",
	CodeOfferExpired:       "the offer's time is over: ask for a new one",
	CodeNotEligible:        "the buyer cannot buy with one click",
	CodeStepUpRequired:     "this purchase needs the standard flow",
	CodeOneClickOff:        "one-click checkout is off for this buyer",
	CodeDuplicateSuspected: "the same items were bought a moment ago: say again if that is meant",
	CodePaymentUnavailable: "the gateway does not answer: nothing was held, retry later",
	CodePaymentBusy:        "too many purchases wait for the gateway: nothing was held, retry later",
	CodeMethodUnknown:      "the buyer has no such saved method",
	CodeMethodUnusable:     "the saved method cannot be charged",
	CodeUndoTooLate:        "the time to undo is over: ask for a refund",
	CodeTicketUnknown:      "there is no such ticket",
	CodeTicketVoid:         "the ticket is no longer valid",
	CodeTicketTooEarly:     "the purchase can still be undone: the ticket admits nobody yet",
	CodeAlreadyAdmitted:    "the ticket was used before",
	CodeNotRefundable:      "the order cannot be refunded like this",
	CodeLateNotPossible:    "the payment came too late and the tickets are gone: give the money back",
	CodeAgreementMissing:   "the buyer has not agreed to be charged like this",
	CodeTooManyLinks:       "the buyer is linked to too many identities",
	CodeBuyerUnknown:       "nothing is known of this buyer",
	CodeEraseWaits:         "a charge of this buyer is still open: retry when it has ended",
	CodeLobbyClosed:        "the line takes nobody now: wait until its lobby opens",
	CodeNotInLine:          "the buyer has no place in the line",
	CodePassRequired:       "the event is sold through its line: join it, and come back with a pass",
	CodePassExpired:        "the pass has run out: join the line again",
	CodeAlreadyInLine:      "somebody whom the buyer is linked to has a place already",
	CodeDrawDone:           "the draw has what it needs",
	CodeWishUnknown:        "the buyer waits for nothing like this",
	CodeCodeUnknown:        "there is no such code",
	CodeCodeUsedUp:         "the code was used as often as it may be",
	CodeCodeLocked:         "too many codes were tried that are none: retry later",
	CodeTrackUnknown:       "the line has no such track",
}
