package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/holdfast-engine/holdfast/engine"
)

// record is a row of a file: its line, its cells by column, or why it cannot be read.
type record struct {
	line  int
	names []string // of all columns; nil if rows may differ in them
	cells map[string]string
	err   error
}

// cardIn names a column that holds a card number; empty if none does.
func (r *record) cardIn() string {
	for name, cell := range r.cells {
		if engine.HidesCardNumber(cell) {
			return name
		}
	}
	return ""
}

// readRecords calls use with every row of a file until use fails. The cells are valid during the call.
func readRecords(name string, use func(*record) error) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read a file of records: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	plain, zipped := strings.CutSuffix(strings.ToLower(name), ".gz")
	var from io.Reader = bufio.NewReaderSize(f, rowBytesMax)
	if zipped {
		z, err := gzip.NewReader(from)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		from = z
	}
	switch {
	case strings.HasSuffix(plain, ".csv"):
		err = readCSVRecords(from, use)
	case strings.HasSuffix(plain, ".jsonl"), strings.HasSuffix(plain, ".ndjson"):
		err = readJSONRecords(from, use)
	case strings.HasSuffix(plain, ".parquet") && !zipped:
		err = readParquetRecords(f, use)
	default:
		err = errors.New("its name must end in .csv, .jsonl or .parquet; the first two also with .gz")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// errRowTooLong is why an import ends at a row that would not fit into memory, as a quotation mark that is never closed makes of the rest of a file.
var errRowTooLong = fmt.Errorf("a line is longer than %d bytes", rowBytesMax)

// rowReader gives a reader of CSV no more than a row may have.
type rowReader struct {
	from io.Reader
	left int // of the row
}

// Read implements io.Reader.
func (r *rowReader) Read(into []byte) (int, error) {
	if r.left == 0 {
		return 0, errRowTooLong
	}
	n, err := r.from.Read(into[:min(len(into), r.left)])
	r.left -= n
	return n, err
}

func readCSVRecords(from io.Reader, use func(*record) error) error {
	rows := &rowReader{from: from, left: rowBytesMax}
	c := csv.NewReader(rows)
	c.ReuseRecord, c.FieldsPerRecord = true, -1
	first, err := c.Read()
	if err != nil {
		return fmt.Errorf("the line of names: %w", err)
	}
	header := make([]string, len(first))
	for i, name := range first {
		header[i] = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")) // as some spreadsheets begin a file
	}
	r := record{names: header, cells: make(map[string]string, len(header))}
	for {
		rows.left = rowBytesMax
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		r.err = nil
		var bad *csv.ParseError
		switch {
		case errors.As(err, &bad):
			r.line, r.err = bad.StartLine, errors.New("it is no line of CSV: "+bad.Err.Error())
			if errors.Is(bad.Err, csv.ErrFieldCount) {
				r.err = nil
			}
		case err != nil:
			return fmt.Errorf("behind line %d: %w", r.line, err)
		default:
			r.line, _ = c.FieldPos(0)
			if len(cells) != len(header) {
				r.err = fmt.Errorf("it has %d cells, and the line of names %d", len(cells), len(header))
			}
		}
		clear(r.cells)
		for i := 0; i < min(len(cells), len(header)); i++ {
			r.cells[header[i]] = strings.TrimSpace(cells[i])
		}
		if err := use(&r); err != nil {
			return err
		}
	}
}

func readJSONRecords(from io.Reader, use func(*record) error) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, rowBytesMax), rowBytesMax)
	r := record{cells: make(map[string]string)}
	for lines.Scan() {
		r.line++
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		clear(r.cells)
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.UseNumber()
		var fields map[string]any
		if r.err = d.Decode(&fields); r.err != nil || d.More() {
			r.err = errors.New("it is no JSON object")
		}
		for name, v := range fields {
			switch v := v.(type) {
			case nil:
			case string:
				r.cells[name] = strings.TrimSpace(v)
			case json.Number, bool:
				r.cells[name] = fmt.Sprint(v)
			default:
				r.err = fmt.Errorf("%s is no text or number", name)
				if text, err := json.Marshal(v); err == nil {
					r.cells[name] = string(text) // to be looked through for card numbers
				}
			}
		}
		if err := use(&r); err != nil {
			return err
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = errRowTooLong
	}
	if err != nil {
		return fmt.Errorf("behind line %d: %w", r.line, err)
	}
	return nil
}

// readParquetRecords reads rows of plain columns: nested ones are looked at for nothing but card numbers. Line is the row's number, from 1.
func readParquetRecords(f *os.File, use func(*record) error) (err error) {
	defer func() { // the library panics on some damaged files
		if cause := recover(); cause != nil {
			err = fmt.Errorf("it is damaged, or no Parquet: %v", cause)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("it is damaged, or no Parquet: %w", err)
	}
	if err := parquetFits(f, file); err != nil {
		return err
	}
	var names []string
	var kinds []parquet.Type
	for _, path := range file.Schema().Columns() {
		leaf, _ := file.Schema().Lookup(path...)
		names, kinds = append(names, strings.Join(path, ".")), append(kinds, leaf.Node.Type())
	}
	r := record{names: names, cells: make(map[string]string, len(names))}
	rows := make([]parquet.Row, 256)
	for _, group := range file.RowGroups() {
		in := group.Rows()
		for {
			n, err := in.ReadRows(rows)
			for _, row := range rows[:n] {
				r.line++
				clear(r.cells)
				left := rowBytesMax
				for _, v := range row {
					if i := v.Column(); !v.IsNull() {
						if left -= parquetLen(v); left < 0 {
							return errors.Join(fmt.Errorf("row %d: %w", r.line, errRowTooLong), in.Close())
						}
						text := parquetText(v, kinds[i])
						if before, repeated := r.cells[names[i]]; repeated {
							text = before + "\n" + text
						}
						r.cells[names[i]] = text
					}
				}
				if err := use(&r); err != nil {
					return errors.Join(err, in.Close())
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return errors.Join(fmt.Errorf("behind row %d: %w", r.line, err), in.Close())
			}
		}
		if err := in.Close(); err != nil {
			return err
		}
	}
	return nil
}

// parquetLen is about how long a value is as text.
func parquetLen(v parquet.Value) int {
	if k := v.Kind(); k == parquet.ByteArray || k == parquet.FixedLenByteArray {
		return len(v.ByteArray()) + 1
	}
	return 1
}

// parquetText is a value as text. Moments are written as RFC 3339 writes them; a moment without a zone, as Parquet knows it, is of the mapping's.
func parquetText(v parquet.Value, kind parquet.Type) string {
	var logical format.LogicalTypeValue
	if l := kind.LogicalType(); l != nil {
		logical = l.Value
	}
	switch l := logical.(type) {
	case *format.TimestampType:
		unit := time.Nanosecond
		if l.Unit.Value != nil {
			unit = l.Unit.Value.Duration()
		}
		perSecond := int64(time.Second / unit)
		at := time.Unix(v.Int64()/perSecond, v.Int64()%perSecond*int64(unit)).UTC()
		if l.IsAdjustedToUTC {
			return at.Format(time.RFC3339Nano)
		}
		return at.Format(wallTime)
	case *format.DateType:
		return time.Unix(int64(v.Int32())*24*3600, 0).UTC().Format(wallTime) //nolint:mnd // seconds of a day
	case *format.DecimalType:
		switch v.Kind() { //nolint:exhaustive // others are shown as they are
		case parquet.Int32:
			return decimalText(int64(v.Int32()), int(l.Scale))
		case parquet.Int64:
			return decimalText(v.Int64(), int(l.Scale))
		}
	}
	return strings.TrimSpace(v.String())
}

// wallTime is how a time without a zone is handed over.
const wallTime = "2006-01-02T15:04:05.999999999"

// decimalText writes a whole number of the smallest units as a decimal.
func decimalText(n int64, scale int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	digits := fmt.Sprintf("%0*d", scale+1, n)
	if scale <= 0 {
		return sign + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}
