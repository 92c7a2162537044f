package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrVaultKey is wrapped when the vault's key file is missing, unreadable or not the one that the data folder's vault was closed with. Nothing was changed.
var ErrVaultKey = errors.New("the vault's key file does not fit")

// The key file, as text. While keys are changed it holds two, the newer one first; otherwise one.
//
//	holdfast vault key
//	version 1
//	key <id, 16 hex digits> <key, 64 hex digits>
//	crc <8 hex digits>
const (
	vaultKeyHead     = "holdfast vault key\nversion 1\n"
	vaultKeyBytesMax = 1 << 10
	vaultKeysMax     = 2
	keyLen           = 32
)

// masterKey closes the keys of subjects. It lies in a file outside the data folder, so that the folder alone opens nothing.
type masterKey struct {
	id   uint64
	aead cipher.AEAD
	raw  [keyLen]byte
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return aead, nil
}

func drawMasterKey() (*masterKey, error) {
	var b [8 + keyLen]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("draw a key: %w", err)
	}
	return makeMasterKey(binary.BigEndian.Uint64(b[:8]), b[8:])
}

func makeMasterKey(id uint64, raw []byte) (*masterKey, error) {
	aead, err := newAEAD(raw)
	if err != nil {
		return nil, err
	}
	return &masterKey{id: id, aead: aead, raw: [keyLen]byte(raw)}, nil
}

func encodeVaultKeys(keys []*masterKey) string {
	var b strings.Builder
	b.WriteString(vaultKeyHead)
	for _, k := range keys {
		fmt.Fprintf(&b, "key %016x %x\n", k.id, k.raw)
	}
	return b.String() + fmt.Sprintf("crc %08x\n", crc32.Checksum([]byte(b.String()), castagnoli))
}

// decodeVaultKeys reads a key file's text. No error holds any of it.
func decodeVaultKeys(text string) ([]*masterKey, error) {
	var keys []*masterKey
	for _, line := range strings.Split(text, "\n") {
		var id uint64
		var hexed string
		if n, err := fmt.Sscanf(line, "key %x %s", &id, &hexed); n != 2 || err != nil {
			continue
		}
		raw, err := hex.DecodeString(hexed)
		if err != nil || len(raw) != keyLen || len(keys) == vaultKeysMax {
			break
		}
		k, err := makeMasterKey(id, raw)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 || encodeVaultKeys(keys) != text {
		return nil, fmt.Errorf("it is not a key file of this version, or it was changed: %w", ErrVaultKey)
	}
	return keys, nil
}

// readVaultKeys reads a key file; none is no error and no keys.
func readVaultKeys(fs vfs.FS, path string) ([]*masterKey, error) {
	info, err := fs.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var b []byte
	switch { // it may be a link: that is how some systems hand out secrets
	case err != nil:
	case info.Size() > vaultKeyBytesMax:
		err = fmt.Errorf("it has %d bytes, more than %d", info.Size(), vaultKeyBytesMax)
	default:
		b, err = readFile(fs, path, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("read the vault's key file %s: %w: %w", path, err, ErrVaultKey)
	}
	keys, err := decodeVaultKeys(string(b))
	if err != nil {
		return nil, fmt.Errorf("the vault's key file %s: %w", path, err)
	}
	return keys, nil
}

// writeVaultKeys puts a key file into its place in one step, durably, readable by its owner only.
func writeVaultKeys(fs vfs.FS, path string, keys []*masterKey) error {
	dir := fs.PathDir(path)
	if err := makeKeyFolder(fs, dir); err != nil {
		return err
	}
	unfinished := path + ".new"
	if err := writePrivate(fs, unfinished, encodeVaultKeys(keys)); err != nil {
		return err
	}
	if err := fs.Rename(unfinished, path); err != nil {
		return fmt.Errorf("name the vault's key file: %w", err)
	}
	return syncDir(fs, dir)
}

func makeKeyFolder(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the vault's key file: %w", err)
	}
	return syncDir(fs, fs.PathDir(dir))
}

// writePrivate writes a file that only its owner can read, from its first moment on.
func writePrivate(fs vfs.FS, path, text string) (err error) {
	if fs == vfs.Default {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("make %s: %w", path, err)
		}
		return finishPrivate(f, path, text)
	}
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return finishPrivate(f, path, text)
}

func finishPrivate(f interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}, path, text string,
) error {
	_, err := f.Write([]byte(text))
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
