package measure

import "github.com/holdfast-engine/holdfast/engine"

// Reader makes entries of the facts of the log. It keeps of each event what later facts refer to: prices, live holds, purchases under way, orders that may
// be refunded. It is used by one goroutine.
type Reader struct{}

// NewReader returns a reader that has read nothing.
func NewReader() *Reader { return &Reader{} }

// Each calls use with the entries of a run, in order. What use is given is valid during the call only. Facts that do not decode end it with an error that
// wraps [engine.ErrMalformed]: nothing behind them can be read.
func (r *Reader) Each(run *engine.Run, use func(*Entry)) error {
	return nil
}

// AppendState appends everything the reader keeps, in one order only. ReadState is its opposite.
func (r *Reader) AppendState(dst []byte) []byte { return dst }

// ReadState reads what AppendState wrote into a new reader, and returns what follows it.
func (r *Reader) ReadState(state []byte) ([]byte, error) { return state, nil }
