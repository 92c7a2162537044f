package actors

import (
	"fmt"
	"testing"
)

func TestLinkKeysAreBounded(t *testing.T) {
	l := newLinkKeys(&fakeVault{})
	first, err := l.of("_", "e0")
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= linkKeysMax; i++ {
		if _, err := l.of("_", fmt.Sprint("e", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.keys.Size(); n > linkKeysMax {
		t.Errorf("%d keys are in memory, at most %d may be", n, linkKeysMax)
	}
	again, err := l.of("_", "e0")
	if err != nil || string(again) != string(first) {
		t.Errorf("a key that was dropped is another when it is read again: %v", err)
	}
	if other, _ := l.of("_", "e1"); string(other) == string(first) {
		t.Error("two events share a key")
	}
}
