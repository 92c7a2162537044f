package webhook

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// AttemptsMax is how often a notice is sent to an endpoint before it is a dead letter: over two days or so.
const AttemptsMax = 10

// pauseDefault is how long after an attempt the next one is made, a fifth more or less: so that endpoints which come back are not met by all at once.
func pauseDefault(attempt int) time.Duration {
	pauses := [...]time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 24 * time.Hour,
	}
	pause := pauses[min(max(attempt, 1), len(pauses))-1]
	const share = 5
	return pause - pause/share + rand.N(2*pause/share) //nolint:gosec // jitter, not a secret
}

// retryAfterMax bounds what an endpoint may ask for.
const retryAfterMax = time.Hour

// post sends a notice to an endpoint once. It is delivered if the answer is 2xx; retryAfter is what the endpoint asks for otherwise, 0 for nothing.
func post(ctx context.Context, client *http.Client, e *Endpoint, id string, body []byte, now time.Time) (retryAfter time.Duration, err error) {
	signer, err := standardwebhooks.NewWebhook(e.Secret)
	if err != nil {
		return 0, fmt.Errorf("its secret cannot be used: %w", err)
	}
	signature, err := signer.Sign(id, now, body)
	if err != nil {
		return 0, fmt.Errorf("sign: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/cloudevents+json")
	r.Header.Set("User-Agent", "Holdfast-Webhooks/1")
	r.Header.Set(standardwebhooks.HeaderWebhookID, id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	answer, err := client.Do(r)
	if err != nil {
		return 0, fmt.Errorf("post to %s: %w", hostOf(e.URL), withoutAddress(err))
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, answerBytesRead) // so that the connection can be used again
	if answer.StatusCode >= http.StatusOK && answer.StatusCode < http.StatusMultipleChoices {
		return 0, nil
	}
	if seconds, bad := strconv.Atoi(answer.Header.Get("Retry-After")); bad == nil && seconds > 0 {
		retryAfter = min(time.Duration(seconds)*time.Second, retryAfterMax)
	}
	return retryAfter, fmt.Errorf("it answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
}
