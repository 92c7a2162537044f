package measure

import (
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// How is how something came about: a value of each dimension that an entry may name, 0 where it names none and so counts in no series of that dimension. It
// is four bytes, so that a meter may keep it until something settles.
type How struct {
	flow, device, method, channel uint8
}

// The names of the values, by their number.
//
//nolint:gochecknoglobals // constant tables: Go has no constant arrays
var (
	flowNames   = [...]string{"", "standard", "one_click", "unattributed"}
	deviceNames = [...]string{"", "desktop", "mobile", "tablet", "kiosk", SeriesOther}
	methodNames = [...]string{"", "card", "wallet", "redirect", "delayed_debit", SeriesOther}
	hourNames   = [...]string{
		"", "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23",
	}
)

// flowValue is a flow's number in [How].
func flowValue(f engine.Flow) uint8 { return uint8(min(int(f)+1, flowUnattributed-1)) }

// flowUnattributed is the flow of what cannot be tied to any order or attempt, where that is counted apart.
const flowUnattributed = 3

// how is what an entry says.
func (a *account) how(e *Entry) How {
	h := How{
		device: uint8(min(int(e.Device), len(deviceNames)-1)), method: uint8(min(int(e.Method), len(methodNames)-1)), channel: a.channels.number(e.Channel),
	}
	if e.HasFlow {
		h.flow = flowValue(e.Flow)
	}
	return h
}

// mixed is a hash of a way and a number, in so many bits.
func (h How) mixed(number uint32, bits int) uint32 {
	way := uint32(h.flow) | uint32(h.device)<<8 | uint32(h.method)<<16 | uint32(h.channel)<<24
	return (way*0x9e3779b1 ^ number*0x85ebca6b) >> (32 - bits)
}

func appendHow(dst []byte, h How) []byte { return append(dst, h.flow, h.device, h.method, h.channel) }

func (r *reader) how() How {
	if len(r.buf) < 4 {
		r.fail("it ends too early")
		return How{}
	}
	h := How{r.buf[0], r.buf[1], r.buf[2], r.buf[3]}
	r.buf = r.buf[4:]
	if int(h.flow) >= len(flowNames) || int(h.device) >= len(deviceNames) || int(h.method) >= len(methodNames) || h.channel > wordsMax+1 {
		r.fail("something came about in an unknown way")
		return How{}
	}
	return h
}

// wordsMax bounds the words of one account and dimension: channels and genres. They are of the callers' choosing, so each account has its own; those that come
// later are [SeriesOther].
const wordsMax = 64

// words numbers what callers call things, from 1; wordsMax+1 stands for all that came later.
type words struct {
	names []string
	last  uint8 // the one asked for last: most entries say what the entry before them said
}

func (w *words) number(name string) uint8 {
	if name == "" {
		return 0
	}
	if w.last > 0 && w.names[w.last-1] == name {
		return w.last
	}
	i := slices.Index(w.names, name)
	if i < 0 {
		if len(w.names) == wordsMax || name == SeriesOther {
			return wordsMax + 1
		}
		i, w.names = len(w.names), append(w.names, strings.Clone(name))
	}
	w.last = uint8(i + 1)
	return w.last
}

func (w *words) appendState(dst []byte) []byte {
	dst = append(dst, byte(len(w.names)))
	for _, name := range w.names {
		dst = appendString(dst, name)
	}
	return dst
}

func (w *words) readState(r *reader) {
	n := r.count(2)
	if n > wordsMax {
		r.fail("an account has too many words")
		return
	}
	for range n {
		name := r.string()
		if name == "" || name == SeriesOther || slices.Contains(w.names, name) {
			r.fail("a word twice")
			return
		}
		w.names = append(w.names, name)
	}
}
