package measure

import "github.com/DataDog/sketches-go/ddsketch/mapping"

// TimesErrorMax is how far a quantile of durations may be from the true one, as a share of it.
const TimesErrorMax = 0.01

// TimesZero is the bucket of durations of nothing: two things that happened in one run.
const TimesZero = -1 << 15

// timesLongest is the longest duration that is told from longer ones: a year.
const timesLongestNs = 365 * 24 * 3_600_000_000_000

// timesMapping puts durations into buckets whose bounds grow by the same factor. Cubic interpolation costs a few multiplications and no logarithm, and gives
// one percent more buckets than a logarithm would.
//
//nolint:gochecknoglobals // read only: Go has no constant structs
var timesMapping = func() *mapping.CubicallyInterpolatedMapping {
	m, err := mapping.NewCubicallyInterpolatedMapping(TimesErrorMax)
	if err != nil {
		panic(err) // TimesErrorMax is not between 0 and 1
	}
	return m
}()

// TimesIndex is the bucket of a duration in nanoseconds, as [TimesBucket] has it: the buckets of DDSketch with a relative error of [TimesErrorMax], over
// milliseconds. What is not positive is in [TimesZero]; what is longer than a year is a year. Every index fits 16 bits.
func TimesIndex(ns int64) int32 {
	if ns <= 0 {
		return TimesZero
	}
	return int32(timesMapping.Index(float64(min(ns, timesLongestNs)) / 1e6))
}

// TimesMs is what the durations of a bucket are taken for, in milliseconds.
func TimesMs(index int32) float64 {
	if index <= TimesZero {
		return 0
	}
	return timesMapping.Value(int(index))
}
