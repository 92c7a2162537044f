package line

import "testing"

func TestKeysAllocateNothing(t *testing.T) {
	d := NewDraw(Seed{1}, Hash{2}, "x")
	leaf := Leaf("_", "night-one", Hash{}, 1, "b1")
	if n := testing.AllocsPerRun(100, func() { d.Key(leaf) }); n != 0 {
		t.Errorf("%v", n)
	}
	if n := testing.AllocsPerRun(100, func() { Leaf("_", "night-one", Hash{}, 1, "b1") }); n != 0 {
		t.Errorf("leaf %v", n)
	}
}

func BenchmarkPlaces(b *testing.B) {
	leaves := make([]Hash, 1_000_000)
	for i := range leaves {
		leaves[i] = Leaf("_", "night-one", Hash{}, Entry(i+1), "buyer")
	}
	b.ReportAllocs()
	for b.Loop() {
		Places(Seed{1}, Hash{2}, "", leaves)
	}
}
func BenchmarkKey(b *testing.B) {
	d := NewDraw(Seed{1}, Hash{2}, "x")
	leaf := Leaf("_", "night-one", Hash{}, 1, "b1")
	b.ReportAllocs()
	for b.Loop() {
		d.Key(leaf)
	}
}
func BenchmarkLeaf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Leaf("_", "night-one", Hash{}, 1, "b1")
	}
}
