package client

// planted names a bug that a build with its tag puts in on purpose, to prove that the tests would see it.
type planted uint8

const (
	plantedNone         planted = iota
	plantedNewRequestID         // send a command again under another request id
)

// plantedBug reports whether this build has the bug. A constant comparison: in an ordinary build every use of it is compiled away.
func plantedBug(p planted) bool { return p == plantedBugInBuild && p != plantedNone }
