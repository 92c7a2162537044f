package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// byteUnits are the units of a size, largest first.
var byteUnits = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// parseSize reads a number of bytes: 4096, 64MiB, 2GiB.
func parseSize(text string) (int64, error) {
	number, unit := strings.TrimSpace(text), int64(1)
	for _, u := range byteUnits {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/unit || n < math.MinInt64/unit {
		return 0, fmt.Errorf("%q is no size: write bytes, or a number with KiB, MiB or GiB, as in 64MiB", text)
	}
	return n * unit, nil
}

// formatSize writes what parseSize reads, with the largest unit that loses nothing.
func formatSize(n int64) string {
	for _, u := range byteUnits {
		if n != 0 && n%u.bytes == 0 && u.bytes > 1 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// sizeFlag is a flag in bytes that people may write with a unit.
type sizeFlag[T int | int64] struct{ at *T }

// Set implements pflag.Value.
func (s sizeFlag[T]) Set(text string) error {
	n, err := parseSize(text)
	if err != nil {
		return err
	}
	*s.at = T(n)
	return nil
}

// String implements pflag.Value.
func (s sizeFlag[T]) String() string {
	if s.at == nil {
		return ""
	}
	return formatSize(int64(*s.at))
}

// Type implements pflag.Value.
func (sizeFlag[T]) Type() string { return "size" }

// size makes a flag of a number of bytes.
func size[T int | int64](f *pflag.FlagSet, at *T, name string, def int64, usage string) {
	*at = T(def)
	f.Var(sizeFlag[T]{at}, name, usage)
}
