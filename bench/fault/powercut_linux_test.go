package fault

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	// cutsPerDisk is how many power cuts a file system lives through.
	cutsPerDisk = 25
	// diskBytes is a disk's size. The image is sparse.
	diskBytes = 4 << 30
)

// TestPowerCut cuts the power of the disk below a real engine under load, and finds everything it had acknowledged after the next start.
func TestPowerCut(t *testing.T) {
	if *powercuts == 0 {
		t.Skip("-powercuts says how many: make powercut")
	}
	if os.Geteuid() != 0 {
		t.Skip("power cuts need root: loop devices, mount and the ioctl that shuts a file system down")
	}
	if _, err := exec.LookPath("mkfs." + *fs); err != nil {
		t.Skipf("power cuts on %s need mkfs.%s: %v", *fs, *fs, err)
	}
	engine := engineProgram(t)
	random := seed(t)
	var sum Tally
	for folder := 0; sum.Rounds < *powercuts; folder++ {
		cutOneDisk(t, &sum, engine, random+uint64(folder), min(cutsPerDisk, *powercuts-sum.Rounds))
		if t.Failed() {
			return
		}
		t.Logf("disk %d: %v", folder, &sum)
	}
	t.Logf("power cuts on %s: %v", *fs, &sum)
	t.Logf("answers: %v", sum.Codes)
	wantBreadth(t, &sum)
}

func cutOneDisk(t *testing.T, sum *Tally, engine string, random uint64, cuts int) {
	t.Helper()
	dir := t.TempDir()
	disk, err := NewDisk(t.Context(), dir, *fs, diskBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	}()
	crash(t, sum, &Crashes{Program: engine, Data: filepath.Join(disk.Mount, "data"), Seed: random, Cut: disk.PowerCut(), Verify: true}, cuts)
	if t.Failed() {
		keepData(t, filepath.Join(disk.Mount, "data"))
	}
}

// keepData copies the data folder of a failed run off its disk, which goes with the test.
func keepData(t *testing.T, data string) {
	t.Helper()
	kept, _, err := KeptFolder("holdfast-cut-")
	if err != nil {
		t.Error(err)
		return
	}
	if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "cp", "-a", data, kept).CombinedOutput(); err != nil {
		t.Errorf("keep %s: %v: %s", data, err, out)
		return
	}
	t.Logf("its data is kept in %s: put it beside the answers as the folder data to compare again", filepath.Join(kept, "data"))
}
