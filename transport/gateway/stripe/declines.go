package stripe

import (
	stripego "github.com/stripe/stripe-go/v85"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// declines says what each decline code that Stripe publishes means here. A code that is missing is taken for a generic, soft decline.
var declines = map[stripego.DeclineCode]payment.Decline{
	"approve_with_id":                       payment.DeclineTryAgain,
	"authentication_not_handled":            payment.DeclineAuthentication,
	"authentication_required":               payment.DeclineAuthentication,
	"call_issuer":                           payment.DeclineGeneric,
	"card_not_supported":                    payment.DeclineNotPermitted,
	"card_velocity_exceeded":                payment.DeclineVelocity,
	"currency_not_supported":                payment.DeclineCurrency,
	"do_not_honor":                          payment.DeclineGeneric,
	"do_not_try_again":                      payment.DeclineNotPermitted,
	"duplicate_transaction":                 payment.DeclineVelocity,
	"expired_card":                          payment.DeclineExpired,
	"fraudulent":                            payment.DeclineFraud,
	"generic_decline":                       payment.DeclineGeneric,
	"highest_risk_level":                    payment.DeclineFraud,
	"incorrect_address":                     payment.DeclineInvalidMethod,
	"incorrect_cvc":                         payment.DeclineInvalidMethod,
	"incorrect_number":                      payment.DeclineInvalidMethod,
	"incorrect_pin":                         payment.DeclineInvalidMethod,
	"incorrect_zip":                         payment.DeclineInvalidMethod,
	"insufficient_funds":                    payment.DeclineInsufficientFunds,
	"invalid_account":                       payment.DeclineInvalidMethod,
	"invalid_amount":                        payment.DeclineAmount,
	"invalid_cvc":                           payment.DeclineInvalidMethod,
	"invalid_expiry_month":                  payment.DeclineInvalidMethod,
	"invalid_expiry_year":                   payment.DeclineInvalidMethod,
	"invalid_number":                        payment.DeclineInvalidMethod,
	"invalid_pin":                           payment.DeclineInvalidMethod,
	"issuer_not_available":                  payment.DeclineTryAgain,
	"live_mode_test_card":                   payment.DeclineConfiguration,
	"lost_card":                             payment.DeclineLostOrStolen,
	"merchant_blacklist":                    payment.DeclineFraud,
	"mobile_device_authentication_required": payment.DeclineAuthentication,
	"new_account_information_available":     payment.DeclineInvalidMethod,
	"no_action_taken":                       payment.DeclineGeneric,
	"not_permitted":                         payment.DeclineNotPermitted,
	"offline_pin_required":                  payment.DeclineNotPermitted,
	"online_or_offline_pin_required":        payment.DeclineNotPermitted,
	"pickup_card":                           payment.DeclineLostOrStolen,
	"pin_try_exceeded":                      payment.DeclineVelocity,
	"processing_error":                      payment.DeclineTryAgain,
	"reenter_transaction":                   payment.DeclineTryAgain,
	"restricted_card":                       payment.DeclineLostOrStolen,
	"revocation_of_all_authorizations":      payment.DeclineNotPermitted,
	"revocation_of_authorization":           payment.DeclineNotPermitted,
	"security_violation":                    payment.DeclineFraud,
	"service_not_allowed":                   payment.DeclineNotPermitted,
	"stolen_card":                           payment.DeclineLostOrStolen,
	"stop_payment_order":                    payment.DeclineNotPermitted,
	"testmode_decline":                      payment.DeclineConfiguration,
	"transaction_not_allowed":               payment.DeclineNotPermitted,
	"try_again_later":                       payment.DeclineTryAgain,
	"withdrawal_count_limit_exceeded":       payment.DeclineVelocity,
}

// codes says what an error's code means for the charge where there is no decline code. A code that is missing is the request's own fault if Stripe says
// that the request is invalid, and a generic decline if it says that the card is.
var codes = map[stripego.ErrorCode]payment.Decline{
	stripego.ErrorCodeAmountTooLarge:                            payment.DeclineAmount,
	stripego.ErrorCodeAmountTooSmall:                            payment.DeclineAmount,
	stripego.ErrorCodeAuthenticationRequired:                    payment.DeclineAuthentication,
	stripego.ErrorCodeBankAccountDeclined:                       payment.DeclineGeneric,
	stripego.ErrorCodeCardDeclineRateLimitExceeded:              payment.DeclineVelocity,
	stripego.ErrorCodeCardDeclined:                              payment.DeclineGeneric,
	stripego.ErrorCodeChargeExceedsTransactionLimit:             payment.DeclineAmount,
	stripego.ErrorCodeDebitNotAuthorized:                        payment.DeclineNotPermitted,
	stripego.ErrorCodeExpiredCard:                               payment.DeclineExpired,
	stripego.ErrorCodeIncorrectAddress:                          payment.DeclineInvalidMethod,
	stripego.ErrorCodeIncorrectCVC:                              payment.DeclineInvalidMethod,
	stripego.ErrorCodeIncorrectNumber:                           payment.DeclineInvalidMethod,
	stripego.ErrorCodeIncorrectZip:                              payment.DeclineInvalidMethod,
	stripego.ErrorCodeInsufficientFunds:                         payment.DeclineInsufficientFunds,
	stripego.ErrorCodeInvalidCVC:                                payment.DeclineInvalidMethod,
	stripego.ErrorCodeInvalidChargeAmount:                       payment.DeclineAmount,
	stripego.ErrorCodeInvalidExpiryMonth:                        payment.DeclineInvalidMethod,
	stripego.ErrorCodeInvalidExpiryYear:                         payment.DeclineInvalidMethod,
	stripego.ErrorCodeInvalidNumber:                             payment.DeclineInvalidMethod,
	stripego.ErrorCodePaymentIntentAuthenticationFailure:        payment.DeclineAuthentication,
	stripego.ErrorCodePaymentIntentPaymentAttemptExpired:        payment.DeclineAuthentication,
	stripego.ErrorCodePaymentIntentPaymentAttemptFailed:         payment.DeclineGeneric,
	stripego.ErrorCodePaymentIntentIncompatiblePaymentMethod:    payment.DeclineInvalidMethod,
	stripego.ErrorCodePaymentMethodCurrencyMismatch:             payment.DeclineCurrency,
	stripego.ErrorCodePaymentMethodCustomerDecline:              payment.DeclineAuthentication,
	stripego.ErrorCodePaymentMethodInvalidParameter:             payment.DeclineInvalidMethod,
	stripego.ErrorCodePaymentMethodNotAvailable:                 payment.DeclineTryAgain,
	stripego.ErrorCodePaymentMethodProviderDecline:              payment.DeclineGeneric,
	stripego.ErrorCodePaymentMethodProviderTimeout:              payment.DeclineTryAgain,
	stripego.ErrorCodePaymentMethodUnactivated:                  payment.DeclineConfiguration,
	stripego.ErrorCodePaymentMethodUnexpectedState:              payment.DeclineInvalidMethod,
	stripego.ErrorCodePaymentMethodUnsupportedType:              payment.DeclineInvalidMethod,
	stripego.ErrorCodeProcessingError:                           payment.DeclineTryAgain,
	stripego.ErrorCodeResourceMissing:                           payment.DeclineInvalidMethod,
	stripego.ErrorCodeTokenAlreadyUsed:                          payment.DeclineInvalidMethod,
	stripego.ErrorCodeIndiaRecurringPaymentMandateCanceled:      payment.DeclineNotPermitted,
	stripego.ErrorCodePaymentIntentMandateInvalid:               payment.DeclineNotPermitted,
	stripego.ErrorCodePaymentMethodBillingDetailsAddressMissing: payment.DeclineInvalidMethod,
}

// declineOf is what an error of a charge means: by its decline code, its code, or at last its type.
func declineOf(e *stripego.Error) payment.Decline {
	if e == nil {
		return payment.DeclineGeneric
	}
	if d, ok := declines[e.DeclineCode]; ok {
		return d
	}
	if d, ok := codes[e.Code]; ok && (e.DeclineCode == "" || d != payment.DeclineGeneric) {
		return d
	}
	if e.Type == stripego.ErrorTypeInvalidRequest {
		return payment.DeclineConfiguration
	}
	return payment.DeclineGeneric
}

// declined is a decline of a charge.
func declined(why payment.Decline) payment.Answer {
	if why.Hard() {
		return payment.DeclinedHard
	}
	return payment.DeclinedSoft
}
