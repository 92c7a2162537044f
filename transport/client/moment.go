package client

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// Moment is a time as messages have it, for callers that do not name the protobuf library themselves. The zero time is no time.
func Moment(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
