package line

// planted names a bug that a build with its tag puts in on purpose, to prove that the tests would see it.
type planted uint8

const (
	plantedNone        planted = iota
	plantedBiasedDraw          // let one of a hundred early entries be among the first
	plantedForgetRoot          // draw without the list of who takes part
	plantedForgetQuiet         // take whoever has bought nothing for long for somebody who will
	plantedQuietBlocks         // let whoever has vanished take room of the lane's until the pass ends
)

// plantedBug reports whether this build has the bug. A constant comparison: in an ordinary build every use of it is compiled away.
func plantedBug(p planted) bool { return p == plantedBugInBuild && p != plantedNone }
