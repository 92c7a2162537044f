package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// checkDataFolder refuses a data folder in which something is a symbolic link: the engine would write, and cut, what somebody else pointed it at. The
// folder itself may be reached by one.
func checkDataFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it will be made
	}
	if err != nil {
		return fmt.Errorf("look into the data folder: %w", err)
	}
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link: put there what it points to, or mount it there", filepath.Join(dir, e.Name()))
		}
	}
	return nil
}
