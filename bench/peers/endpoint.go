package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
)

const loopback = "127.0.0.1"

// endpoint is where a server of ours is reached: at a free port of the loopback interface, with a password, as other users of the machine reach that too, and
// at a unix socket in a folder that only its owner may enter.
type endpoint struct {
	port, password string
	folder         string
}

func newEndpoint() (endpoint, error) {
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		return endpoint{}, fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return endpoint{}, fmt.Errorf("find a free port: %w", err)
	}
	if err := l.Close(); err != nil {
		return endpoint{}, fmt.Errorf("find a free port: %w", err)
	}
	folder, err := os.MkdirTemp("", "hf") // sockets have short names: at most 107 bytes
	return endpoint{port: port, password: rand.Text(), folder: folder}, err
}

func (e endpoint) tcp() string { return net.JoinHostPort(loopback, e.port) }

func (e endpoint) remove() error { return os.RemoveAll(e.folder) }
