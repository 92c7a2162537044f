package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Connection is a connection to NATS, for those who join the rooms and need not know more of it.
type Connection = nats.Conn

// Connect opens the connection that a [Server] answers on: it reconnects for as long as it takes, also when the NATS server refuses who it is, as
// credentials may be mended there, and leaves slow-consumer events to the server's counts instead of printing them. The address must not hold a
// secret: an [Access] gives the options for that. Options given here come last and win.
func Connect(url string, options ...nats.Option) (*nats.Conn, error) {
	if _, err := checkAddress(url); err != nil {
		return nil, err
	}
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.Name("holdfast engine"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // Stats.DroppedPending counts what matters
		nats.SkipSubjectValidation(),                                      // reply subjects are checked before anything else
	}, options...)...)
	if errors.Is(err, nats.ErrAuthorization) {
		return nil, fmt.Errorf("connect to NATS at %s: %w: %w", url, ErrCredentials, err)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", url, err)
	}
	return nc, nil
}

// ErrCredentials says that NATS lets nobody in with these credentials, or with none.
var ErrCredentials = errors.New("it does not take these credentials")

// AccountOf asks the NATS server in which of its accounts a connection is. The user needs the right to publish to $SYS.REQ.USER.INFO.
func AccountOf(ctx context.Context, nc *nats.Conn) (string, error) {
	const hint = "let the user publish to $SYS.REQ.USER.INFO and subscribe to its inbox"
	answer, err := nc.RequestWithContext(ctx, subjectUserInfo, nil)
	if err != nil {
		return "", fmt.Errorf("ask NATS for the account of a connection: %w; %s", err, hint)
	}
	var info struct {
		Data struct {
			Account string `json:"account"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer.Data, &info); err != nil || info.Data.Account == "" {
		return "", errors.New("NATS did not say in which account a connection is; " + hint)
	}
	return info.Data.Account, nil
}

const subjectUserInfo = "$SYS.REQ.USER.INFO"
