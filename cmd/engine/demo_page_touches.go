package main

import (
	"context"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// pageTouch is what the shop page reports of a visit. Whose it is says the cookie, and which channel it was says the shop.
type pageTouch struct {
	Kind          string `json:"kind"`
	ID            string `json:"id"`
	Consent       bool   `json:"consent"`
	AgoMs         int64  `json:"ago_ms"`
	Device        string `json:"device"`
	Source        string `json:"source"`
	CartMinor     int64  `json:"cart_minor"`
	Step          string `json:"step"`
	LoadMs        int64  `json:"load_ms"`
	PromptMs      int64  `json:"prompt_ms"`
	ClickToSeenMs int64  `json:"click_to_seen_ms"`
	ClickID       string `json:"click_id"`
	Survey        string `json:"survey"`
	Score         int64  `json:"score"`
	Topic         string `json:"topic"`
	Order         string `json:"order"`
}

// touch reports what a visitor saw and did.
func (b *bridge) touch(ctx context.Context, v *visitor, q struct {
	Touches []pageTouch `json:"touches"`
},
) (any, error) {
	var touches []*pb.Touch
	for i := range q.Touches {
		t := &q.Touches[i]
		v.uses(t.Device)
		touches = append(touches, &pb.Touch{
			Kind: t.Kind, Id: t.ID, Buyer: v.buyer, Consent: t.Consent, AgoMs: t.AgoMs, Device: t.Device, Source: t.Source, Channel: visitChannel, MethodKind: "card",
			CartMinor: t.CartMinor, Step: t.Step, LoadMs: t.LoadMs, PromptMs: t.PromptMs, ClickToSeenMs: t.ClickToSeenMs, ClickId: t.ClickID,
			Survey: t.Survey, Score: t.Score, Topic: t.Topic, Order: t.Order,
		})
	}
	_, err := b.client.Touch(ctx, b.event(), touches...)
	return struct{}{}, err
}
