package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// secretBytesMax is far more than a key, a token or a chain of certificates with its key.
const secretBytesMax = 64 << 10

// SecretFile reads a file that holds a secret: a password, a seed, a token, a key. A file that others of this machine may read is refused, as
// is one that is longer than 64 KiB. The errors name the file and what to do, never what is in it.
func SecretFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read a secret: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of the file that is open: a name could be given to another one meanwhile
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a secret: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("%s holds a secret and has mode %04o, so that others can read it: chmod 600 %s", name, info.Mode().Perm(), name)
	}
	text, err := io.ReadAll(io.LimitReader(f, secretBytesMax+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a secret: %w", err)
	case len(text) > secretBytesMax:
		return nil, fmt.Errorf("%s has more than %d bytes: is it the right file?", name, secretBytesMax)
	}
	return text, nil
}

// secretLine reads a secret that is one line of text.
func secretLine(name string) (string, error) {
	text, err := SecretFile(name)
	if err != nil {
		return "", err
	}
	line := bytes.TrimSpace(text)
	if len(line) == 0 || bytes.ContainsAny(line, "\r\n\x00") {
		return "", fmt.Errorf("%s must hold one line, the secret", name)
	}
	return string(line), nil
}

// errSecretInURL refuses an address with a secret in it: addresses are printed, and arguments are seen by everybody on the machine.
var errSecretInURL = errors.New("the address of a NATS system must not hold a user, a password or a token: give --user and --password-file, --nkey or --creds")
