package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport/client"
)

// What the shop page says, in words of a shop: codes are for programs.

// inWords is a refusal as a visitor reads it.
func inWords(r *client.Refusal) string {
	words := map[engine.Code]string{
		engine.CodeSoldOut:            "Somebody was faster: there are not enough tickets of this kind left.",
		engine.CodeLimitReached:       "You have as many tickets as one buyer may have.",
		engine.CodeHoldExpired:        "The time to pay is over: the tickets are back on sale.",
		engine.CodeHoldUnknown:        "The time to pay is over: the tickets are back on sale.",
		engine.CodeNotOnSale:          "The tickets are not on sale.",
		engine.CodePaymentInProgress:  "Your last purchase is still under way.",
		engine.CodeDuplicateSuspected: "You bought the same a moment ago. Wait ten seconds if you want it again.",
		engine.CodeOfferUsed:          "This purchase was made already.",
		engine.CodeOfferExpired:       "The price was promised for two minutes, which are over. Here is a new one.",
		engine.CodePaymentUnavailable: "Payments are not possible at the moment. Nothing was charged.",
		engine.CodePaymentBusy:        "Too many people are paying at the moment. Nothing was charged; try again in a moment.",
		engine.CodeStepUpRequired:     "This purchase needs the way step by step.",
		engine.CodeOverloaded:         "The shop is full at the moment. Try again in a moment.",
		engine.CodeCodeUnknown:        "There is no such code. Compare each letter, and the dashes; capitals or not makes no difference.",
		engine.CodeCodeUsedUp:         "This code has been used as often as it may be, or its time is over.",
		engine.CodeTrackUnknown:       "This part of the line is for those who have a code.",
	}
	if text, ok := words[r.Code]; ok {
		return text
	}
	switch {
	case r.Code == engine.CodeCodeLocked:
		return fmt.Sprintf("You have tried too many codes that do not exist. You can try one again in about %d min; everything else works meanwhile.", int(math.Ceil(r.RetryAfter.Minutes())))
	case r.Code == engine.CodeLotNotOpen && r.Field == fieldCode:
		return "This code is not good yet."
	}
	return strings.ToUpper(r.Message[:min(1, len(r.Message))]) + r.Message[min(1, len(r.Message)):] + "."
}

// fieldCode is the field of a command in which a buyer gives a code.
const fieldCode = "code"

// codeOfNone puts into words of one's own that a code does nothing for what was asked; other errors stay as they are.
func codeOfNone(err error, words string) error {
	var r *client.Refusal
	if errors.As(err, &r) && r.Code == engine.CodeInvalid && r.Field == fieldCode {
		return &pageRefusal{Code: r.Name, Message: words, Field: fieldCode}
	}
	return err
}

// trackWords is what a track of the line is called, and for whom it is.
func trackWords(track string) (name, about string) {
	switch track {
	case trackGeneral:
		return "General", "For everybody"
	case trackAccessible:
		return "Accessible", "For those who need a way without steps or a place to sit, and their company"
	case trackMember:
		return "Members", "For those with a code"
	}
	return track, "A part of its own"
}

// whyNoOneClick says why the one-click button is not offered.
func whyNoOneClick(reason string) string {
	words := map[string]string{
		"one_click_off":                        "One click is switched off for this event. Step by step works.",
		engine.EligibleNoMethod.String():       "You have no saved card.",
		engine.EligibleExpired.String():        "This card has expired.",
		engine.EligibleBlocked.String():        "This card was declined for good. Choose another one.",
		engine.EligibleNoAgreement.String():    "You have not agreed to pay with one click.",
		engine.EligibleNoPurchase.String():     "One click is for buyers who have bought before.",
		engine.StepUpBuyerVelocity.String():    "You have bought a lot with one click just now. Step by step works.",
		engine.StepUpCardVelocity.String():     "This card has paid a lot just now. Step by step works.",
		engine.StepUpNewMethod.String():        "This card was saved a moment ago. Step by step works.",
		engine.StepUpNewDevice.String():        "This device is new. Step by step works.",
		engine.StepUpAboveAgreement.String():   "This costs more than you agreed to pay with one click. Step by step works.",
		engine.CodePaymentUnavailable.String(): "Payments are not possible at the moment.",
		engine.CodePaymentBusy.String():        "Too many people are paying at the moment.",
	}
	if text, ok := words[reason]; ok {
		return text
	}
	return "One click is not offered (" + reason + "). Step by step works."
}

// declineWords says why a card was declined. Fraud is not named to people: it tells thieves what to change, and is often wrong.
func declineWords(reason string) string {
	words := map[string]string{
		payment.DeclineInsufficientFunds.String(): "there is not enough money on it",
		payment.DeclineTryAgain.String():          "its bank did not answer",
		payment.DeclineVelocity.String():          "it was used too often",
		payment.DeclineExpired.String():           "it has expired",
		payment.DeclineAuthentication.String():    "its bank was not told that it is you",
		payment.DeclineCurrency.String():          "it cannot pay in this currency",
	}
	if text, ok := words[reason]; ok {
		return text
	}
	return "its bank did not say why"
}

// newVisitorName is an opaque id, as shops use: no name, no address.
func newVisitorName() string { return "you-" + strings.ToLower(rand.Text()[:6]) }
