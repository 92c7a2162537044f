package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// lineBytesMax is the longest line of a ledger's file.
const lineBytesMax = 1 << 20

// A record is a line of the ledger's file: what a key and a charge have become.
type record struct {
	Key    *key    `json:"key,omitempty"`
	Charge *Charge `json:"charge,omitempty"`
}

// A file keeps the ledger: lines of JSON, each synced before it counts. The last line may be torn by a crash; nothing was answered on it.
type file struct{ f *os.File }

// openFile reads the lines of a ledger, cuts off a torn one, and goes on behind them.
func openFile(path string, each func(record)) (*file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	whole, err := readLines(f, each)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &file{f}, nil
}

// readLines calls each with every whole line, and returns how many bytes they are.
func readLines(r io.Reader, each func(record)) (whole int64, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil // what is left has no end: torn
		}
		if err != nil {
			return whole, err
		}
		if len(line) > lineBytesMax {
			return whole, fmt.Errorf("the line at byte %d is longer than %d bytes: this is no ledger of a sandbox", whole, lineBytesMax)
		}
		var rec record
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&rec); err != nil {
			return whole, fmt.Errorf("the line at byte %d is damaged: %w", whole, err)
		}
		each(rec)
		whole += int64(len(line))
	}
}

func (f *file) append(rec record) error {
	line, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	if _, err := f.f.Write(append(line, '\n')); err != nil {
		return err
	}
	return f.f.Sync()
}

func (f *file) close() error { return f.f.Close() }

// keep writes a record. Once that has failed nothing is answered any more: what is on disk and what is in memory may differ.
func (g *Gateway) keep(rec record) bool {
	if g.file == nil || g.broken != nil {
		return g.broken == nil
	}
	g.broken = g.file.append(rec)
	return g.broken == nil
}

// restore takes up a line of the ledger's file.
func (g *Gateway) restore(rec record) {
	if k := rec.Key; k != nil {
		if g.keys[k.Key] == nil {
			g.oldest = append(g.oldest, k.Key)
		}
		g.keys[k.Key] = k
	}
	if c := rec.Charge; c != nil {
		if old := g.charges[c.Ref]; old != nil {
			delete(g.secrets, old.Secret)
			*old = *c
			c = old
		} else {
			g.charges[c.Ref] = c
			g.byOrder[c.Order] = append(g.byOrder[c.Order], c)
		}
		if c.State == Waiting {
			g.secrets[c.Secret] = c
		}
	}
}
