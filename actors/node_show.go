package actors

import (
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// Quarantined lists the events that are set aside with the reason, sorted by id, at most max of them.
func (n *Node) Quarantined(most int) []string {
	var out []string
	n.routes.Range(func(at route, ref *eventRef) bool {
		if why := ref.quarantined.Load(); why != nil {
			out = append(out, at.event+": "+*why)
		}
		return true
	})
	if n.wallets != nil {
		n.wallets.shards.Range(func(key engine.Key, ref *shardRef) bool {
			if why := ref.quarantined.Load(); why != nil {
				out = append(out, "wallets "+key.ID+": "+*why)
			}
			return true
		})
	}
	slices.Sort(out)
	return out[:min(len(out), most)]
}

// Events lists the account's event ids after the given one, sorted, at most limit. Cost: O(log events + limit).
func (n *Node) Events(account, after string, limit int) []string {
	var ids []string
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known.page(account, after, func(id string, awake bool) bool {
		if len(ids) >= limit {
			return false
		}
		if awake {
			if ref, ok := n.routes.Load(route{account, id}); !ok || !ref.gauges.exists.Load() {
				return true // its creation is not durable yet
			}
		}
		ids = append(ids, strings.Clone(id))
		return true
	})
	return ids
}

// Clock is the node's time.
func (n *Node) Clock() *Clock { return n.clock }

// Measurement is the node's KPIs; nil if [Config.Measure] was.
func (n *Node) Measurement() *Measurement { return n.measurement }

// Metrics is the node's metrics.
func (n *Node) Metrics() *Metrics { return n.metrics }
