package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeysAreMadeOnceAndForTheirOwnerOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.nk")
	public, _, _ := strings.Cut(must(t, "keys", file), " ")
	if len(public) != 56 || public[0] != 'U' {
		t.Errorf("the public key is %q", public)
	}
	seed, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(seed), "SU") {
		t.Errorf("the file holds no user's seed: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's rights: %v %v", info.Mode(), err)
	}
	_, err = engineRun(t, "keys", file)
	refuses(t, err, "exists")
	if again, err := os.ReadFile(file); err != nil || string(again) != string(seed) {
		t.Errorf("the seed was written over: %v", err)
	}
	_, err = engineRun(t, "keys")
	refuses(t, err, "engine keys shop.nk")
}
