//go:build !planted

package line

// plantedBugInBuild is the bug of this build: none. A build with the tag "planted" brings its own file that names one.
const plantedBugInBuild = plantedNone
