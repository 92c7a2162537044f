// Package sandbox is a payment gateway that takes no money: the one that is there without an account anywhere. It answers as a real one does, good and
// bad days included, and keeps the truth about what it did, for checkers to compare with what the engine believes.
//
// What happens is chosen by the method's token:
//
//	sbx_ok                  the charge succeeds
//	sbx_decline_soft        declined: insufficient funds
//	sbx_decline_hard        declined: lost or stolen
//	sbx_decline_<reason>    declined for a reason by its name on the wire, as in sbx_decline_expired
//	sbx_auth                the buyer has to authenticate: see Authenticate; declined if the buyer is not there
//	sbx_redirect            the buyer goes to their bank's page and comes back: see Authenticate; taken at once, there is no separate capture
//	sbx_pending_<ms>        decided only after so many milliseconds: ask again
//	sbx_slow_<ms>           succeeds after so many milliseconds
//	sbx_timeout_charged     the first answer is lost after the charge was made
//	sbx_timeout_before      the first request is lost before anything happened
//	sbx_error_charged       a server error is the stored answer for ever, and the charge was made: only a look-up tells
//	sbx_error               a server error is the stored answer for ever, and no charge was made
//	sbx_throttle            the first two requests are refused as too many
//	sbx_wrong_amount        another amount is charged than was asked
//	sbx_wrong_currency      another currency is charged than was asked
//	sbx_capture_fails       succeeds, and every capture fails
//	sbx_capture_fails_once  succeeds, and the first capture fails
//	sbx_refund_fails        succeeds, and every refund fails
//
// What follows a dot is ignored, so that each buyer can have a token of their own: sbx_ok.b17. Anything else is declined as an invalid method.
package sandbox
