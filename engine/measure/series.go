package measure

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// seriesKey names a series: an account's or an event's share of one dimension.
type seriesKey struct {
	account string
	event   string // empty: all of the account
	by      Dimension
	value   string
}

// seriesTable numbers the series. Beyond the bound a new value is counted in [SeriesOther] of its dimension; what is needed for that is always there.
type seriesTable struct {
	max    int64
	ids    map[seriesKey]seriesID
	keys   []seriesKey
	folded bool
}

func newSeriesTable(max int64) seriesTable {
	return seriesTable{max: max, ids: make(map[seriesKey]seriesID)}
}

// of returns the number of a series, made if need be.
func (t *seriesTable) of(k seriesKey) seriesID {
	if id, ok := t.ids[k]; ok {
		return id
	}
	if int64(len(t.keys)) >= t.max && k.by != ByNothing && k.value != SeriesOther {
		t.folded = true
		k.value = SeriesOther
		return t.of(k)
	}
	k = seriesKey{strings.Clone(k.account), strings.Clone(k.event), k.by, strings.Clone(k.value)}
	id := seriesID(len(t.keys))
	t.keys = append(t.keys, k)
	t.ids[k] = id
	return id
}

// find returns a series that is there.
func (t *seriesTable) find(k seriesKey) (seriesID, bool) {
	id, ok := t.ids[k]
	return id, ok
}

// values are the series of one dimension, in alphabetical order.
func (t *seriesTable) values(account, event string, by Dimension) []seriesKey {
	var found []seriesKey
	for _, k := range t.keys {
		if k.account == account && k.event == event && k.by == by {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b seriesKey) int { return strings.Compare(a.value, b.value) })
	return found
}

func (t *seriesTable) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(t.keys)))
	for _, k := range t.keys {
		dst = appendString(appendString(appendString(appendString(dst, k.account), k.event), string(k.by)), k.value)
	}
	if t.folded {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func (t *seriesTable) readState(r *reader) {
	for range r.count(4) {
		k := seriesKey{r.string(), r.string(), Dimension(r.string()), r.string()}
		if _, ok := t.ids[k]; ok {
			r.fail("a series twice")
			return
		}
		t.ids[k] = seriesID(len(t.keys))
		t.keys = append(t.keys, k)
	}
	t.folded = r.uint() == 1
}

// How is how something is counted: the values of the dimensions. Empty values count in no series of their dimension.
type How struct {
	Flow, Device, Method, Channel string
}

// how is what an entry says.
func (e *Entry) how() How {
	h := How{Channel: e.Channel}
	if e.HasFlow {
		h.Flow = flowName(e.Flow)
	}
	if e.Device != engine.DeviceUnknown {
		h.Device = deviceNames[min(int(e.Device), len(deviceNames)-1)]
	}
	if e.Method != 0 {
		h.Method = e.Method.String()
	}
	return h
}

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var deviceNames = [...]string{"", "desktop", "mobile", "tablet", "kiosk", "other"}

func flowName(f engine.Flow) string {
	if f == engine.FlowOneClick {
		return "one_click"
	}
	return "standard"
}
