package enginetest

import "pgregory.net/rapid"

// Dice is where a [Generator] takes its choices from.
type Dice interface {
	// Below returns a number from 0 to n-1, each about as likely. what names the choice in a failure report.
	Below(n int, what string) int
}

// RapidDice returns dice that rapid throws, records and shrinks. A choice shrinks towards 0.
func RapidDice(t *rapid.T) Dice { return rapidDice{t} }

type rapidDice struct{ t *rapid.T }

// rapid draws small numbers far more often than large ones. Multiplying by an odd number moves them about the whole range, and leaves 0 where it is.
func (d rapidDice) Below(n int, what string) int {
	return int(rapid.Uint16().Draw(d.t, what)*40503) * n >> 16
}

// SeededDice returns dice that fall the same way for the same seed, for long runs without shrinking.
func SeededDice(seed uint64) Dice {
	s := splitMix(seed)
	return &seededDice{s}
}

type seededDice struct{ s splitMix }

func (d *seededDice) Below(n int, _ string) int { return int(d.s.below(uint64(n))) }

// BytesDice returns dice that read their choices from data, two bytes each, and always throw 0 when it is at its end: for fuzzing. rapid.MakeFuzz takes
// sixteen bytes a choice and gives up when they end, which leaves the fuzzer hardly anything to learn from.
func BytesDice(data []byte) Dice { return &bytesDice{data} }

type bytesDice struct{ data []byte }

func (d *bytesDice) Below(n int, _ string) int {
	var v [2]byte
	d.data = d.data[copy(v[:], d.data):]
	return (int(v[0])<<8 | int(v[1])) * n >> 16
}
