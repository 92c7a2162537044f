package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// RestoreConfig says what to restore, and where.
type RestoreConfig struct {
	// Backup is the folder of a finished backup. It is only read.
	Backup string
	// Store is the configuration of the store that the backup becomes: Dir is the new data folder, which must not be there or be empty.
	Store Config
	// Incarnate is called with the restored store, recovered, before the folder gets its name: it must make sure that nothing that is made from now on
	// can be mistaken for what the original made after the backup. Its error ends the restore.
	Incarnate func(*Store, *engine.Recovered) error
	// Progress, if not nil, is called with how many bytes of how many have been copied.
	Progress func(done, total uint64)
	// Verifying, if not nil, is called when everything is copied, before the copy is checked.
	Verifying func()
}

// Restore makes a data folder of a backup: it copies what the manifest names and nothing else, compares it with the manifest, checks it as [Verify] does, and
// compares the end of the chain and the states. The folder is made under another name, Dir with ".unfinished" behind it, and gets its own at the
// very end; what an interrupted restore left under that name is removed by the next.
//
// Errors wrap [ErrDamaged] if the backup is not what it says, [ErrUnfinished] if it was never finished, [ErrNewer] or [ErrDiskFull].
func Restore(ctx context.Context, c RestoreConfig) (*Manifest, error) {
	if err := c.Store.validate(); err != nil {
		return nil, err
	}
	if c.Incarnate == nil {
		return nil, errors.New("store: RestoreConfig.Incarnate must be set: a copy must not give the ids that the original gives")
	}
	m, err := restore(ctx, &c)
	if err != nil {
		return nil, fmt.Errorf("store: restore %s to %s: %w", c.Backup, c.Store.Dir, pebbleError(err))
	}
	return m, nil
}

func restore(ctx context.Context, c *RestoreConfig) (*Manifest, error) {
	fs, dir := c.Store.FS, c.Store.Dir
	from := folder{fs: fs, dir: c.Backup}
	m, err := from.readManifest()
	if err != nil {
		return nil, err
	}
	if err := apart(c.Backup, dir); err != nil {
		return nil, err
	}
	if err := refuseFull(fs, dir); err != nil {
		return nil, err
	}
	k := &copying{ctx: ctx, fs: fs, to: folder{fs: fs, dir: dir + "." + nameUnfinished}, progress: c.Progress}
	if err := k.clearWay(); err != nil {
		return nil, err
	}
	if err := k.begin(); err != nil {
		return nil, err
	}
	if err := k.restore(c, m, &from); err != nil {
		k.abandon()
		return nil, err
	}
	// From here on it is a data folder; it only wants its name.
	if err := fs.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("replace the empty folder %s: %w", dir, err)
	}
	if err := fs.Rename(k.to.dir, dir); err != nil {
		return nil, fmt.Errorf("name the restored folder: %w; it is whole, rename %s yourself", err, k.to.dir)
	}
	return m, syncDir(fs, fs.PathDir(dir))
}

func refuseFull(fs vfs.FS, dir string) error {
	switch names, err := fs.List(dir); {
	case err == nil && len(names) > 0:
		return fmt.Errorf("%s is there already and is not empty: name a new folder", dir)
	case err == nil:
		return realFile(fs, dir, true)
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("look into %s: %w", dir, err)
	}
	return nil
}

// clearWay removes what an interrupted restore left.
func (k *copying) clearWay() error {
	names, err := k.fs.List(k.to.dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(names) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into %s: %w", k.to.dir, err)
	}
	if err := realFile(k.fs, k.to.dir, true); err != nil {
		return err
	}
	marked, err := k.to.exists(nameUnfinished)
	if err == nil && !marked {
		err = fmt.Errorf("%s is there, and not marked as what an interrupted restore leaves: look what it is, and move it away", k.to.dir)
	}
	if err != nil {
		return err
	}
	k.abandon()
	return nil
}

func (k *copying) restore(c *RestoreConfig, m *Manifest, from *folder) error {
	files := make([]source, len(m.Files))
	for i, f := range m.Files {
		files[i] = source{name: f.Name, path: from.path(f.Name), bytes: f.Bytes, sum: f.SHA256}
	}
	folders := map[string]bool{nameLog: true, nameTail: true}
	for i := range files {
		for dir := path.Dir(files[i].name); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	for name := range folders {
		if err := realFile(k.fs, from.path(name), true); err != nil {
			return err
		}
	}
	if err := k.checkSpace(files); err != nil {
		return err
	}
	if err := k.all(files); err != nil {
		return err
	}
	if c.Verifying != nil {
		c.Verifying()
	}
	rep, err := k.prove(c.Store.New, c.Store.Open)
	if err != nil {
		return err
	}
	if rep.LastBatch != m.LastBatch || hex.EncodeToString(rep.ChainHead[:]) != m.ChainHead || hex.EncodeToString(rep.States[:]) != m.States {
		return fmt.Errorf("it ends at batch %d with chain head %x and states %x; its %s says batch %d, %s and %s: %w",
			rep.LastBatch, rep.ChainHead, rep.States, nameBackup, m.LastBatch, m.ChainHead, m.States, ErrDamaged)
	}
	if err := k.incarnate(c); err != nil {
		return err
	}
	return k.to.finished()
}

// incarnate opens the copy once, for what the caller has to say in it.
func (k *copying) incarnate(c *RestoreConfig) error {
	conf := c.Store
	conf.Dir, conf.restoring = k.to.dir, true
	s, err := Open(conf)
	if err != nil {
		return err
	}
	rec, err := s.Recover()
	if err == nil {
		err = c.Incarnate(s, rec)
	}
	return errors.Join(err, s.Close())
}
