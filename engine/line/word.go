package line

// A Word is a chance in one word, as buyers are told.
type Word uint8

// The words, from the worst. Untold is before anything was said.
const (
	Untold Word = iota
	SoldOut
	Unlikely
	Likely
)

// When a word is said. Once it is, the chance must be past the limit by a margin before the other is.
const (
	likelyFrom  = 0.5
	soldOutTo   = 0.01
	wordsMargin = 0.05
)

// String is the word as it is sent; "" for Untold.
func (w Word) String() string {
	return [...]string{Untold: "", SoldOut: "sold_out", Unlikely: "unlikely", Likely: "likely"}[w]
}

// Tell is the word for a chance, given the one that was told before: likely from one half, sold_out below one in a hundred while nothing is free, and unlikely between. So that
// nobody is told one thing and the other in turn, likely becomes unlikely below 0.45 only and unlikely becomes likely above 0.55; sold_out becomes another word only above 0.06 or
// once something is free.
func Tell(chance float64, free uint64, before Word) Word {
	likely, over := likelyFrom, soldOutTo
	switch before {
	case Likely:
		likely -= wordsMargin
	case Unlikely:
		likely += wordsMargin
	case SoldOut:
		likely, over = likely+wordsMargin, over+wordsMargin
	case Untold:
	}
	switch {
	case free == 0 && chance < over:
		return SoldOut
	case chance >= likely:
		return Likely
	default:
		return Unlikely
	}
}
