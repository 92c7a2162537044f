package actors

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
)

// The table of known events is compared with a map.
func TestKnownEventsAreAMap(t *testing.T) {
	type event struct {
		wake  engine.Instant
		awake bool
	}
	rapid.Check(t, func(t *rapid.T) {
		k := newKnownEvents()
		want := map[route]event{}
		name := func(t *rapid.T) route {
			return route{rapid.SampledFrom([]string{"_", "shop"}).Draw(t, "account"), fmt.Sprintf("e%0*d", rapid.IntRange(1, 3).Draw(t, "width"), rapid.IntRange(0, 30).Draw(t, "n"))}
		}
		t.Repeat(map[string]func(*rapid.T){
			"sleep": func(t *rapid.T) {
				at, wake := name(t), engine.Instant(rapid.IntRange(0, 20).Draw(t, "wake"))
				row, ok := k.find(at)
				if _, known := want[at]; known != ok {
					t.Fatalf("%v is found: %v, want %v", at, ok, known)
				}
				if !ok {
					row = k.add(at)
				}
				k.sleep(row, wake)
				want[at] = event{wake: wake}
			},
			"wake": func(t *rapid.T) {
				at := name(t)
				if row, ok := k.find(at); ok {
					k.wakeUp(row)
					want[at] = event{awake: true}
				}
			},
			"remove": func(t *rapid.T) {
				at := name(t)
				if row, ok := k.find(at); ok {
					k.remove(row)
					delete(want, at)
				}
			},
			"": func(t *rapid.T) {
				first, any, awake := engine.Instant(0), false, 0
				for at, e := range want {
					row, ok := k.find(at)
					if !ok || k.route(row) != at || k.at(row).awake != e.awake {
						t.Fatalf("%v is missing or wrong", at)
					}
					if e.awake {
						awake++
					} else if e.wake > 0 && (!any || e.wake < first) {
						first, any = e.wake, true
					}
				}
				if wake, ok := k.nextWake(); ok != any || wake != first && any {
					t.Fatalf("the next alarm is at %d, %v; want %d, %v", wake, ok, first, any)
				}
				if k.len() != len(want) || k.awake != awake {
					t.Fatalf("%d events, %d awake; want %d, %d", k.len(), k.awake, len(want), awake)
				}
				after := rapid.SampledFrom([]string{"", "e1", "e03", "zz"}).Draw(t, "after")
				var got, all []string
				k.page("_", after, func(id string, _ bool) bool { got = append(got, id); return true })
				for at := range want {
					if at.account == "_" && at.event > after {
						all = append(all, at.event)
					}
				}
				if slices.Sort(all); !slices.Equal(got, all) {
					t.Fatalf("after %q: %q, want %q", after, got, all)
				}
			},
		})
	})
}

// An event that sleeps may cost 64 bytes beyond its id, with an alarm and whatever the order in which events come.
func TestASleepingEventIsSmall(t *testing.T) {
	const events, bytesMax = 100_000, 64
	for _, order := range []struct {
		name string
		of   func(i int) int
	}{{"sorted", func(i int) int { return i }}, {"mixed", func(i int) int { return i * 61_987 % events }}} {
		t.Run(order.name, func(t *testing.T) {
			before := heapBytes()
			k := newKnownEvents()
			ids := 0
			for i := range events {
				at := route{engine.SingleAccount, fmt.Sprintf("night-%d", order.of(i))}
				ids += len(at.event)
				k.sleep(k.add(at), engine.Instant(1+i*7919%events))
			}
			each := float64(heapBytes()-before-int64(ids)) / events
			if t.Logf("%.1f bytes an event beyond its id", each); each > bytesMax || k.len() != events {
				t.Errorf("%d events cost %.1f bytes each beyond their ids, more than %d", k.len(), each, bytesMax)
			}
		})
	}
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
