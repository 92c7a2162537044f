package store

import "errors"

var (
	// ErrDamaged is wrapped by every error that means: what lies on disk is not what was written. Nothing was changed. Restore the folder from a
	// backup or a replica, or ask `engine verify` what is wrong.
	ErrDamaged = errors.New("the data is damaged")

	// ErrNewer is wrapped when a newer version of the program wrote the data. Nothing was changed. Run that version.
	ErrNewer = errors.New("the data was written by a newer version")

	// ErrInUse is wrapped by [Open] and [Verify] when another process has the folder.
	ErrInUse = errors.New("the data folder is in use by another process")

	// ErrBackup is wrapped by [Open] when the folder is a backup: what is made in it would have ids that the original gives to others. [Restore] it.
	ErrBackup = errors.New("the folder is a backup")

	// ErrUnfinished is wrapped when a folder is what is left of a backup or a restore that did not come to its end.
	ErrUnfinished = errors.New("the folder was never finished")

	// ErrDiskFull is wrapped by [Open] when too little space is free to start safely.
	ErrDiskFull = errors.New("the disk is too full")

	// ErrDead is wrapped by everything that is asked of a store after an error that made it stop: see [Config.Fatal].
	ErrDead = errors.New("the store has stopped after an error")

	// ErrClosed is wrapped by everything that is asked of a store after [Store.Close].
	ErrClosed = errors.New("the store is closed")
)
