package fault

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// roundsPerFolder is how many kills a data folder lives through.
const roundsPerFolder = 25

// roundsMore is by how much the load may be late on a machine that is busy with other things: until every verb was accepted and somebody got a pass, there are up to
// so many times the rounds.
const roundsMore = 10

// TestKill kills a real engine under load, again and again, and finds everything it had acknowledged at the next start.
func TestKill(t *testing.T) {
	program := engineProgram(t)
	random := seed(t)
	var sum Tally
	started := time.Now()
	for folder := 0; sum.Rounds < *rounds || isNarrow(&sum) && sum.Rounds < roundsMore**rounds; folder++ {
		crash(t, &sum, &Crashes{Program: program, Seed: random + uint64(folder), Cut: KillNine, Verify: true}, min(roundsPerFolder, max(1, *rounds-sum.Rounds)))
		if t.Failed() {
			return
		}
		t.Logf("folder %d, after %v: %v", folder, time.Since(started).Round(time.Second), &sum)
	}
	t.Logf("kill -9: %v", &sum)
	t.Logf("answers: %v", sum.Codes)
	wantBreadth(t, &sum)
}

// crash runs one series in a folder of its own, which is kept if the series fails.
func crash(t *testing.T, sum *Tally, c *Crashes, rounds int) {
	t.Helper()
	dir, done, err := KeptFolder("holdfast-crash-")
	if err != nil {
		t.Fatal(err)
	}
	c.Notes = dir
	if c.Data == "" {
		c.Data = filepath.Join(dir, "data")
	}
	found, err := c.Run(within(t, time.Duration(rounds)*patience), rounds)
	sum.Add(found)
	if err != nil {
		t.Errorf("%v\nseed %d; kept %s: compare again with\n\tgo test ./bench/fault -run TestCompareAgain -again=%s", err, c.Seed, dir, dir)
	}
	if err := done(err == nil); err != nil {
		t.Error(err)
	}
}

// missing are the verbs of which none was accepted yet.
func missing(sum *Tally) (verbs []engine.Verb) {
	for _, verb := range acceptedVerbs() {
		if sum.Codes[verb.String()+" ok"] == 0 {
			verbs = append(verbs, verb)
		}
	}
	return verbs
}

// isNarrow reports whether the load has not got as far yet as it should.
func isNarrow(sum *Tally) bool { return len(missing(sum)) > 0 || sum.Places == 0 || sum.Passes == 0 }

// wantBreadth demands that the load got as far as it should: a run that only collects refusals proves nothing.
func wantBreadth(t *testing.T, sum *Tally) {
	t.Helper()
	for _, verb := range missing(sum) {
		t.Errorf("no %s was ever accepted: the load is not what it should be", verb)
	}
	if sum.Accepted == 0 || sum.Repeated < sum.Accepted-sum.Idle {
		t.Errorf("%d commands were accepted, of which %d may have changed nothing, and %d repeated: all others must be repeated", sum.Accepted, sum.Idle, sum.Repeated)
	}
	if sum.Places == 0 || sum.Passes == 0 {
		t.Errorf("%d places were asked for and %d passes granted: the load is not what it should be", sum.Places, sum.Passes)
	}
}

// TestCompareAgain looks at what a failed run has kept. It changes the folder: copy it first to look twice.
func TestCompareAgain(t *testing.T) {
	if *again == "" {
		t.Skip("-again names the folder that a failed run has kept")
	}
	found, err := CompareFolder(within(t, 10*patience), engineProgram(t), filepath.Join(*again, "data"), *again)
	t.Logf("%+v", found)
	if err != nil {
		t.Error(err)
	}
}
