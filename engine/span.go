package engine

const (
	spanShift = 8 // ids a chunk: 256
	spanIDs   = 1 << spanShift
)

// span maps ids that are given out in order, and mostly forgotten in order, to 32-bit values: four bytes an id. A chunk whose ids are all
// forgotten is dropped.
type span struct {
	chunks []*spanChunk
	base   uint64 // number of chunks[0]: the id of its first entry, shifted
	spare  *spanChunk
}

type spanChunk struct {
	values [spanIDs]uint32
	used   int
}

// get returns the value of an id, 0 if it has none.
func (s *span) get(id uint64) uint32 {
	c := id>>spanShift - s.base
	if c >= uint64(len(s.chunks)) || s.chunks[c] == nil {
		return 0
	}
	return s.chunks[c].values[id&(spanIDs-1)]
}

// set gives an id a value, which is not 0. New ids come in rising order.
func (s *span) set(id uint64, value uint32) {
	if len(s.chunks) == 0 {
		s.base = id >> spanShift
	}
	c := id>>spanShift - s.base
	for uint64(len(s.chunks)) <= c {
		s.chunks = append(s.chunks, nil)
	}
	if s.chunks[c] == nil {
		if s.spare != nil {
			s.chunks[c], s.spare = s.spare, nil
		} else {
			s.chunks[c] = new(spanChunk)
		}
	}
	chunk := s.chunks[c]
	if chunk.values[id&(spanIDs-1)] == 0 {
		chunk.used++
	}
	chunk.values[id&(spanIDs-1)] = value
}

// drop forgets an id that has a value.
func (s *span) drop(id uint64) {
	c := id>>spanShift - s.base
	chunk := s.chunks[c]
	chunk.values[id&(spanIDs-1)] = 0
	chunk.used--
	if chunk.used > 0 {
		return
	}
	s.spare, s.chunks[c] = chunk, nil
	for len(s.chunks) > 0 && s.chunks[0] == nil {
		s.chunks = s.chunks[1:]
		s.base++
	}
}
