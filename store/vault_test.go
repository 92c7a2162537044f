package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

// vaultBench is a bench whose store has a vault.
func vaultBench(t *testing.T, change func(*Config)) *bench {
	return newBench(t, func(c *Config) {
		c.VaultKey = "keys/vault.key"
		if change != nil {
			change(c)
		}
	})
}

// keep seals a record and makes it durable beside a run.
func (b *bench) keep(subject, name, plain string) engine.Sealed {
	b.t.Helper()
	sealed, err := b.s.Vault().Seal("_", subject, name, []byte(plain))
	if err != nil {
		b.t.Fatal(err)
	}
	b.beside(sealed)
	return sealed
}

// beside makes records durable beside a run.
func (b *bench) beside(records ...engine.Sealed) {
	b.t.Helper()
	done := make(barrier)
	toy := b.w.Toy(toyKey(0))
	run := &engine.Run{Key: toyKey(0), Partition: engine.PartitionOf(toyKey(0).ID), First: toy.Seq() + 1, At: toy.LastAt() + 1, Beside: records, Owner: done}
	storetest.AppendAdd(&run.Facts, []byte("beside"))
	if err := toy.Fold(run); err != nil {
		b.t.Fatal(err)
	}
	b.s.Append(run)
	<-done
}

func (b *bench) wantOpen(subject, name, want string) {
	b.t.Helper()
	plain, ok, err := b.s.Vault().Open("_", subject, name)
	if err != nil || !ok || string(plain) != want {
		b.t.Errorf("%s of %s opens as %q, %v, %v; want %q", name, subject, plain, ok, err, want)
	}
}

func (b *bench) wantGone(subject, name string) {
	b.t.Helper()
	if plain, ok, err := b.s.Vault().Open("_", subject, name); err != nil || ok {
		b.t.Errorf("%s of %s opens as %q, %v, %v; want nothing", name, subject, plain, ok, err)
	}
}

func TestVaultKeepsRecordsBesideTheLog(t *testing.T) {
	b := vaultBench(t, nil)
	b.keep("anna", "m1", "tok_first")
	b.keep("anna", "m1", "tok_second") // replaces it
	b.keep("anna", "m2", "tok_other")
	b.keep("bert", "m1", "tok_bert")
	b.beside(b.s.Vault().Remove("_", "anna", "m2"))
	check := func() {
		t.Helper()
		b.wantOpen("anna", "m1", "tok_second")
		b.wantOpen("bert", "m1", "tok_bert")
		b.wantGone("anna", "m2")
		b.wantGone("carl", "m1")
		names, err := b.s.Vault().Names("_", "anna")
		if err != nil || len(names) != 1 || names[0] != "m1" {
			t.Errorf("anna has %v, %v", names, err)
		}
	}
	check()
	b.reopen()
	check()
	b.pass()
	check()

	// Both copies of the log, and every file beside it, hold nothing in plain.
	b.close()
	for name, content := range filesOf(t, b.c.FS, "") {
		if i := bytes.Index(content, []byte("tok_")); i >= 0 {
			t.Errorf("%s holds a token in plain", name)
		}
	}
	b.open()
}

// filesOf reads every file below dir.
func filesOf(t *testing.T, fs vfs.FS, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			for n, c := range filesOf(t, fs, path) {
				all[n] = c
			}
		} else if all[path], err = readFile(fs, path, nil); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestVaultRefusesAKeyFileThatDoesNotFit(t *testing.T) {
	b := vaultBench(t, nil)
	b.reopen() // nothing was sealed: any key file fits
	b.keep("anna", "m1", "tok")
	b.close()
	mem := b.c.FS
	if err := mem.Rename("keys/vault.key", "kept"); err != nil {
		t.Fatal(err)
	}
	refused := func(want string) {
		t.Helper()
		s, err := Open(b.c)
		if err == nil {
			_ = s.Close()
		}
		if !errors.Is(err, ErrVaultKey) || !strings.Contains(err.Error(), want) {
			t.Errorf("opened with %v, want a vault key that does not fit and %q", err, want)
		}
	}
	refused("is missing")
	other, err := drawMasterKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeVaultKeys(mem, "keys/vault.key", []*masterKey{other}); err != nil {
		t.Fatal(err)
	}
	refused(fmt.Sprintf("holds key %016x", other.id))
	if err := writePrivate(mem, "keys/vault.key", strings.Replace(encodeVaultKeys([]*masterKey{other}), "key ", "kez ", 1)); err != nil {
		t.Fatal(err)
	}
	refused("changed")
	if err := mem.Rename("kept", "keys/vault.key"); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.wantOpen("anna", "m1", "tok")
	b.close()
	b.c.VaultKey = ""
	b.open() // everything but the vault works
	if _, err := b.s.Vault().Seal("_", "anna", "m1", nil); !errors.Is(err, ErrNoVault) {
		t.Errorf("a store without a key seals: %v", err)
	}
}

// TestErasedIsInNoFile looks at the bytes on a real disk: what closed the subject's records, and what was sealed.
func TestErasedIsInNoFile(t *testing.T) {
	dir := t.TempDir()
	b := vaultBench(t, func(c *Config) { c.FS, c.Dir, c.VaultKey = vfs.Default, dir+"/data", dir+"/vault.key" })
	info, err := os.Stat(dir + "/vault.key")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key file is %v, %v", info, err)
	}
	for i := range 50 {
		b.keep(fmt.Sprintf("b%02d", i), "m1", fmt.Sprintf("token of %d", i))
	}
	sealed := b.keep("b25", "m2", "another token")
	b.put(1, 200, 3) // fills memtables, so that logs are used again
	b.pass()
	closed, closer, err := b.s.db.Get(subjectPrefix(keySubject, "_", "b25"))
	if err != nil {
		t.Fatal(err)
	}
	closed = bytes.Clone(closed)
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	late, err := b.s.Vault().Seal("_", "b25", "m3", []byte("not written yet"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(scanOf(t, dir), closed) {
		t.Fatal("the scan does not see the key before it is erased")
	}
	if err := b.s.Vault().Erase(context.Background(), "_", "b25"); err != nil {
		t.Fatal(err)
	}
	if all := scanOf(t, dir); bytes.Contains(all, closed) || bytes.Contains(all, closed[vaultHead:]) {
		t.Error("the erased key is still in a file")
	}
	for name, content := range filesOf(t, vfs.Default, dir+"/data/log") {
		if strings.HasSuffix(name, ".sst") && bytes.Contains(content, sealed.Value) {
			t.Errorf("%s holds what was sealed under the erased key", name)
		}
	}
	b.beside(late)
	for _, name := range []string{"m1", "m2", "m3"} {
		b.wantGone("b25", name)
	}
	b.keep("b25", "m1", "back again") // a new key
	b.wantGone("b25", "m3")
	b.reopen()
	b.wantOpen("b25", "m1", "back again")
	b.wantOpen("b24", "m1", "token of 24")
	if err := b.s.Vault().Erase(context.Background(), "_", "nobody", "b24"); err != nil {
		t.Errorf("erasing nobody and another: %v", err)
	}
	b.wantGone("b24", "m1")
	kept, err := b.s.Vault().Seal("_", "b23", "m7", []byte("by itself"))
	if err == nil {
		err = b.s.Vault().Keep(kept, b.s.Vault().Remove("_", "b23", "m1"))
	}
	if err != nil {
		t.Fatal(err)
	}
	b.reopen()
	b.wantOpen("b23", "m7", "by itself")
	b.wantGone("b23", "m1")
}

// scanOf is all files below dir in one piece.
func scanOf(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSubjectsGetOneKeyEach(t *testing.T) {
	b := vaultBench(t, nil)
	var wg sync.WaitGroup
	records := make([]engine.Sealed, 400)
	for i := range records {
		wg.Go(func() {
			var err error
			records[i], err = b.s.Vault().Seal("_", fmt.Sprintf("b%d", i%100), fmt.Sprintf("m%d", i), []byte{byte(i)})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b.beside(records...)
	b.reopen()
	for i := range records {
		b.wantOpen(fmt.Sprintf("b%d", i%100), fmt.Sprintf("m%d", i), string([]byte{byte(i)}))
	}
}

func TestRotationClosesAllKeysAnew(t *testing.T) {
	b := vaultBench(t, nil)
	for i := range 30 {
		b.keep(fmt.Sprintf("b%d", i), "m1", fmt.Sprint(i))
	}
	old := b.s.vault.master[0].id
	n, err := b.s.Vault().Rotate(context.Background())
	if err != nil || n != 30 {
		t.Fatalf("rotated %d, %v", n, err)
	}
	check := func() {
		t.Helper()
		for i := range 30 {
			b.wantOpen(fmt.Sprintf("b%d", i), "m1", fmt.Sprint(i))
		}
		if m := b.s.vault.master; len(m) != 1 || m[0].id == old {
			t.Errorf("the vault has %d master keys", len(m))
		}
	}
	check()
	b.reopen()
	check()

	// One that was interrupted after the key file: both keys open it, and the next rotation finishes it.
	fresh, err := drawMasterKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeVaultKeys(b.c.FS, b.c.VaultKey, []*masterKey{fresh, b.s.vault.master[0]}); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	b.wantOpen("b7", "m1", "7")
	b.keep("b99", "m1", "under the new one")
	b.reopen()
	if n, err := b.s.Vault().Rotate(context.Background()); err != nil || n != 31 {
		t.Errorf("rotated %d, %v", n, err)
	}
	b.reopen()
	check()
	b.wantOpen("b99", "m1", "under the new one")
}

// TestBesideIsDurableWithItsFacts loses everything that was not synced.
func TestBesideIsDurableWithItsFacts(t *testing.T) {
	mem := vfs.NewCrashableMem()
	b := vaultBench(t, func(c *Config) { c.FS = mem })
	for i := range 20 {
		b.keep(fmt.Sprintf("b%d", i), "m1", fmt.Sprint(i))
	}
	crashed := mem.CrashClone(vfs.CrashCloneCfg{})
	b.close()
	b.c.FS = crashed
	b.open()
	for i := range 20 {
		b.wantOpen(fmt.Sprintf("b%d", i), "m1", fmt.Sprint(i))
	}
}

func TestBackupsKeepTheVault(t *testing.T) {
	b := vaultBench(t, nil)
	b.keep("anna", "m1", "tok")
	if _, err := b.s.Backup(context.Background(), BackupConfig{Dir: "backup"}); err != nil {
		t.Fatal(err)
	}
	if err := b.s.Vault().Erase(context.Background(), "_", "anna"); err != nil {
		t.Fatal(err)
	}
	b.close()
	c := b.c
	c.Dir = "restored"
	_, err := Restore(context.Background(), RestoreConfig{Backup: "backup", Store: c, Incarnate: func(*Store, *engine.Recovered) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	b.c = c
	b.open()
	b.wantOpen("anna", "m1", "tok")
}

func TestTheVaultKeepsWhatBelongsToNoRun(t *testing.T) {
	b := vaultBench(t, nil)
	v := b.s.Vault()
	var sealed []engine.Sealed
	for _, name := range []string{"one", "two"} {
		one, err := v.Seal("_", "_process", name, []byte("secret "+name))
		if err != nil {
			t.Fatal(err)
		}
		sealed = append(sealed, one)
	}
	if err := v.Keep(sealed...); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	b.wantOpen("_process", "one", "secret one")
	if err := b.s.Vault().Keep(b.s.Vault().Remove("_", "_process", "one")); err != nil {
		t.Fatal(err)
	}
	b.wantOpen("_process", "two", "secret two")
	if _, there, err := b.s.Vault().Open("_", "_process", "one"); err != nil || there {
		t.Errorf("what was removed is there: %v, %v", there, err)
	}
}

func TestVaultRefusesWhatIsTooLong(t *testing.T) {
	b := vaultBench(t, nil)
	if _, err := b.s.Vault().Seal("_", "anna", "m1", make([]byte, VaultPlainMax)); err != nil {
		t.Error(err)
	}
	if _, err := b.s.Vault().Seal("_", "anna", "m1", make([]byte, VaultPlainMax+1)); err == nil {
		t.Error("one byte more is sealed")
	}
	if _, err := b.s.Vault().Seal("_", "", "m1", nil); err == nil {
		t.Error("a record of nobody is sealed")
	}
}

func FuzzVaultKeyFile(f *testing.F) {
	k, err := drawMasterKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encodeVaultKeys([]*masterKey{k}))
	f.Add(encodeVaultKeys([]*masterKey{k, k}))
	f.Add(vaultKeyHead + "crc 00000000\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := decodeVaultKeys(text)
		if err == nil && encodeVaultKeys(keys) != text {
			t.Errorf("%q decodes and is written as %q", text, encodeVaultKeys(keys))
		}
	})
}
