package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// rowBytesMax bounds a line of an import, in bytes.
const rowBytesMax = 64 << 10

// walletColumns are the columns of an import, and how each is read into a command.
var walletColumns = []struct {
	name string
	read func(c *wallet.Command, s string) error
}{
	{"buyer", text(func(c *wallet.Command) *string { return &c.Buyer })},
	{"gateway", text(func(c *wallet.Command) *string { return &c.Gateway })},
	{"token", text(func(c *wallet.Command) *string { return &c.Token })},
	{"customer", text(func(c *wallet.Command) *string { return &c.Customer })},
	{"brand", text(func(c *wallet.Command) *string { return &c.Brand })},
	{"last_four", text(func(c *wallet.Command) *string { return &c.LastFour })},
	{"fingerprint", text(func(c *wallet.Command) *string { return &c.Fingerprint })},
	{"device_id", text(func(c *wallet.Command) *string { return &c.DeviceID })},
	{"agreement", text(func(c *wallet.Command) *string { return &c.Version })},
	{"agreement_currency", text(func(c *wallet.Command) *string { return &c.Currency })},
	{"expiry_month", number(func(c *wallet.Command) *int64 { return &c.ExpiryMonth })},
	{"expiry_year", number(func(c *wallet.Command) *int64 { return &c.ExpiryYear })},
	{"purchases", number(func(c *wallet.Command) *int64 { return &c.Purchases })},
	{"agreement_cap_minor", number(func(c *wallet.Command) *int64 { return &c.CapMinor })},
	{"saved_at", moment(func(c *wallet.Command) *int64 { return &c.SavedAtMs })},
	{"last_purchase_at", moment(func(c *wallet.Command) *int64 { return &c.LastPurchaseMs })},
	{"agreement_until", moment(func(c *wallet.Command) *int64 { return &c.UntilMs })},
	{"kind", func(c *wallet.Command, s string) error {
		k, ok := payment.ParseMethodKind(s)
		if c.Kind = k; !ok {
			return errors.New("it must be card, wallet, redirect or delayed_debit")
		}
		return nil
	}},
	{"funding", func(c *wallet.Command, s string) error {
		f, ok := wallet.ParseFunding(s)
		if c.Funding = f; !ok {
			return errors.New("it must be credit, debit or prepaid")
		}
		return nil
	}},
	{"default", func(c *wallet.Command, s string) (err error) {
		if c.MakeDefault, err = strconv.ParseBool(s); err != nil {
			return errors.New("it must be true or false")
		}
		return nil
	}},
}

func text(of func(*wallet.Command) *string) func(*wallet.Command, string) error {
	return func(c *wallet.Command, s string) error {
		*of(c) = s
		return nil
	}
}

func number(of func(*wallet.Command) *int64) func(*wallet.Command, string) error {
	return func(c *wallet.Command, s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if *of(c) = n; err != nil {
			return errors.New("it must be a whole number")
		}
		return nil
	}
}

func moment(of func(*wallet.Command) *int64) func(*wallet.Command, string) error {
	return func(c *wallet.Command, s string) error {
		at, err := time.Parse(time.RFC3339, s)
		if *of(c) = at.UnixMilli(); err != nil {
			return errors.New("it must be a moment, as in 2026-06-01T18:00:00Z")
		}
		return nil
	}
}

func walletColumn(name string) int {
	for i := range walletColumns {
		if walletColumns[i].name == name {
			return i
		}
	}
	return -1
}

// unknownColumn says what is wrong with a name. The name itself may be anything, so it is shown only if it is an id that is no card number.
func unknownColumn(name string) error {
	known := make([]string, len(walletColumns))
	for i := range walletColumns {
		known[i] = walletColumns[i].name
	}
	if !engine.ValidID(name) || engine.HidesCardNumber(name) {
		return errors.New("there is a column whose name is no name")
	}
	return fmt.Errorf("there is no column %s; did you mean %s? Card numbers and security codes are never imported", name, nearest(name, known))
}

// set reads one cell. What is in it is in no error.
func setCell(c *wallet.Command, column int, cell string) error {
	if cell = strings.TrimSpace(cell); cell == "" {
		return nil
	}
	if name := walletColumns[column].name; name != "buyer" && (engine.HidesCardNumber(cell) || engine.HidesCardCode(cell)) {
		return fmt.Errorf("%s: this looks like a card number or its code: never give one, only the gateway's token", name)
	}
	if err := walletColumns[column].read(c, cell); err != nil {
		return fmt.Errorf("%s: %w", walletColumns[column].name, err)
	}
	return nil
}

// walletRow is a row of an import: a command, or why it is none.
type walletRow struct {
	line int
	cmd  wallet.Command
	err  error
}

// finish completes a row's command and checks it.
func (r *walletRow) finish() {
	c := &r.cmd
	c.Verb, c.RequestID = wallet.VerbImport, "import"
	if c.Version != "" {
		c.Scope = wallet.ScopeOneClick
	}
	if c.Token != "" && c.Kind == 0 {
		c.Kind = payment.MethodCard
	}
	if r.err != nil {
		return
	}
	if code, field, why := c.Valid(); code != engine.CodeOK {
		r.err = fmt.Errorf("%s: %s", field, why)
	}
}

// eachRow reads CSV with a header, or JSON lines, and calls use with every row. A header that is wrong ends it before the first row.
func eachRow(in io.Reader, asCSV bool, use func(*walletRow) error) error {
	if asCSV {
		return eachCSV(in, use)
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, rowBytesMax), rowBytesMax)
	for line := 1; lines.Scan(); line++ {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		r := walletRow{line: line}
		r.err = r.readJSON(lines.Bytes())
		r.finish()
		if err := use(&r); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d bytes", rowBytesMax)
	}
	return lines.Err()
}

func (r *walletRow) readJSON(line []byte) error {
	var cells map[string]any
	d := json.NewDecoder(strings.NewReader(string(line)))
	d.UseNumber()
	if err := d.Decode(&cells); err != nil {
		return errors.New("it is no JSON object")
	}
	names := make([]string, 0, len(cells))
	for name := range cells {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		column := walletColumn(name)
		if column < 0 {
			return unknownColumn(name)
		}
		switch cells[name].(type) {
		case string, json.Number, bool:
			if err := setCell(&r.cmd, column, fmt.Sprint(cells[name])); err != nil {
				return err
			}
		case nil:
		default:
			return fmt.Errorf("%s: it must be a text, a number or true or false", name)
		}
	}
	return nil
}

func eachCSV(in io.Reader, use func(*walletRow) error) error {
	rows := &rowReader{from: in, left: rowBytesMax}
	reader := csv.NewReader(rows)
	reader.ReuseRecord = true
	header, err := reader.Read()
	if errors.Is(err, errRowTooLong) {
		return err
	}
	if err != nil {
		return errors.New("the first line must name the columns, as in buyer,gateway,token")
	}
	columns := make([]int, len(header))
	for i, name := range header {
		if columns[i] = walletColumn(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))); columns[i] < 0 {
			return unknownColumn(strings.TrimSpace(name))
		}
	}
	for {
		rows.left = rowBytesMax
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var r walletRow
		var parse *csv.ParseError
		switch {
		case errors.As(err, &parse):
			r.line, r.err = parse.Line, parse.Err
		case err != nil:
			return fmt.Errorf("read the file: %w", err)
		default:
			r.line, _ = reader.FieldPos(0)
		}
		for i := 0; r.err == nil && i < len(cells); i++ {
			r.err = setCell(&r.cmd, columns[i], strings.Clone(cells[i]))
		}
		r.finish()
		if err := use(&r); err != nil {
			return err
		}
	}
}
