package engine

const (
	spanShift = 8 // ids a chunk: 256
	spanIDs   = 1 << spanShift
)

// span maps ids that are given out in order, and mostly forgotten in order, to 32-bit values: four bytes an id and a little for each 256 of
// them. A chunk whose ids are all forgotten is dropped.
type span struct {
	chunks []*spanChunk
	free   stack      // places in chunks that are empty
	find   index      // chunk by the hash of its number
	newest *spanChunk // the one written last: new ids come one after the other
	spare  *spanChunk
}

type spanChunk struct {
	number uint64 // its ids, shifted
	used   int32
	place  uint32 // in chunks
	queued uint32 // place in the queue of batches + 1, see due; 0 is none
	sorted bool   // its holds are in the wheel
	values [spanIDs]uint32
}

func chunkHash(number uint64) uint32 { return index32(mix(number^hashK1, hashK2)) }

// chunk returns the chunk with a number, nil if there is none.
func (s *span) chunk(number uint64) *spanChunk {
	if s.newest != nil && s.newest.number == number {
		return s.newest
	}
	var p probe
	s.find.seek(&p, chunkHash(number))
	for {
		place, ok := s.find.next(&p)
		if !ok {
			return nil
		}
		if c := s.chunks[place]; c.number == number {
			return c
		}
	}
}

// get returns the value of an id, 0 if it has none.
func (s *span) get(id uint64) uint32 {
	if c := s.chunk(id >> spanShift); c != nil {
		return c.values[id&(spanIDs-1)]
	}
	return 0
}

// set gives an id a value, which is not 0.
func (s *span) set(id uint64, value uint32) {
	c := s.chunk(id >> spanShift)
	if c == nil {
		c = s.add(id >> spanShift)
	}
	if c.values[id&(spanIDs-1)] == 0 {
		c.used++
	}
	c.values[id&(spanIDs-1)] = value
}

// add makes a chunk.
func (s *span) add(number uint64) *spanChunk {
	c := s.spare
	s.spare = nil
	if c == nil {
		c = new(spanChunk)
	}
	c.number, c.queued, c.sorted = number, 0, false
	place, ok := s.free.pop()
	if ok {
		s.chunks[place] = c
	} else {
		place = uint32(len(s.chunks))
		s.chunks = append(s.chunks, c)
	}
	c.place = place
	s.find.insert(chunkHash(number), place)
	s.newest = c
	return c
}

// drop forgets an id that has a value.
func (s *span) drop(id uint64) {
	c := s.chunk(id >> spanShift)
	c.values[id&(spanIDs-1)] = 0
	c.used--
	if c.used > 0 {
		return
	}
	s.find.remove(chunkHash(c.number), c.place)
	s.chunks[c.place] = nil
	s.free.push(c.place)
	if s.newest == c {
		s.newest = nil
	}
	s.spare = c
}

// count is how many ids have a value.
func (s *span) count() int {
	n := 0
	for _, c := range s.chunks {
		if c != nil {
			n += int(c.used)
		}
	}
	return n
}
