package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/holdfast-engine/holdfast/bench"
)

// newDataDir makes an empty folder for everybody's data, below $BENCH_DIR or else below bench/results/tmp, and says how to get rid of it. The user postgres
// must be able to pass through it. A memory file system is refused.
func newDataDir() (dir string, remove func() error, err error) {
	base := os.Getenv("BENCH_DIR")
	if base == "" {
		base = filepath.Join("..", "results", "tmp")
	}
	if base, err = filepath.Abs(base); err != nil {
		return "", nil, fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(base, 0o711); err != nil {
		return "", nil, fmt.Errorf("data folder: %w", err)
	}
	if err := bench.OnDisk(base); err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp(base, "peers-*"); err != nil {
		return "", nil, fmt.Errorf("data folder: %w", err)
	}
	remove = func() error { return os.RemoveAll(dir) }
	for _, d := range []string{base, dir} {
		if err := passable(d); err != nil {
			return "", nil, fmt.Errorf("data folder: let others pass through %s: %w", d, err)
		}
	}
	return dir, remove, nil
}

// passable lets every user pass through a folder, without a look at what is in it.
func passable(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || info.Mode()&0o011 == 0o011 {
		return err
	}
	return os.Chmod(dir, info.Mode()|0o011)
}
