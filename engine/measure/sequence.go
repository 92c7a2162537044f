package measure

// sequence is rows that are numbered without holes and stay: from 1, or from the first number that was seen of an event whose log was cut.
type sequence[V any] struct {
	first uint64
	list  []V
}

// at returns the row of a number, nil if there is none.
func (s *sequence[V]) at(number uint64) *V {
	if number < s.first || number-s.first >= uint64(len(s.list)) {
		return nil
	}
	return &s.list[number-s.first]
}

// next appends the row of a number; nil if it is not the next.
func (s *sequence[V]) next(number uint64) *V {
	if len(s.list) == 0 {
		s.first = number
	}
	if number-s.first != uint64(len(s.list)) {
		return nil
	}
	var none V
	s.list = append(s.list, none)
	return &s.list[len(s.list)-1]
}
