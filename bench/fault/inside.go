package fault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
)

// InsideConfig says how an engine in this process differs from `engine serve` with its defaults. Data must be set.
type InsideConfig struct {
	Data      string
	Store     store.Config
	Actors    actors.Config
	Transport transport.Config
	Limits    engine.Limits    // of events created
	Process   *transport.Bound // over all servers; nil is none
}

// Inside is an engine in this process, its rooms joined as `engine serve` joins them, behind a real NATS server on a free loopback port.
type Inside struct {
	NATS   string
	Store  *store.Store
	Node   *actors.Node
	Server *transport.Server

	broker *server.Server
	nc     *nats.Conn
	fatal  atomic.Pointer[error]
}

// StartInside starts an engine in this process and returns when it answers.
func StartInside(c InsideConfig) (in *Inside, err error) {
	in = new(Inside)
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			err = errors.Join(err, in.Stop(ctx))
		}
	}()
	logger := slog.New(slog.DiscardHandler)
	fatal := func(err error) { in.fatal.CompareAndSwap(nil, &err) }
	c.Store.Dir, c.Store.New, c.Store.Open = c.Data, wallet.NewAggregate, wallet.OpenSnapshot
	c.Store.Logger, c.Store.Fatal = logger, fatal
	if c.Store.ReserveBytes == 0 {
		c.Store.ReserveBytes = 16 << 20
	}
	if in.Store, err = store.Open(c.Store); err != nil {
		return in, err
	}
	recovered, err := in.Store.Recover()
	if err != nil {
		return in, err
	}
	c.Actors.Logger, c.Actors.Fatal = logger, fatal
	c.Actors.NewEvent = func(key engine.Key) *engine.Event { return engine.NewWithLimits(key, c.Limits) }
	if in.Node, err = actors.Start(c.Actors, in.Store, in.Store, recovered); err != nil {
		return in, err
	}
	if in.broker, in.NATS, err = transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", DataDir: c.Data}); err != nil {
		return in, err
	}
	if in.nc, err = transport.Connect(in.NATS); err != nil {
		return in, err
	}
	c.Transport.Process = c.Process
	in.Server, err = transport.Serve(c.Transport, in.nc, in.Node)
	return in, err
}

// Stop answers what was taken and lets go of everything. The error also tells if the engine had stopped itself.
func (in *Inside) Stop(ctx context.Context) error {
	var errs []error
	if in.Server != nil {
		errs = append(errs, in.Server.Drain(ctx))
	}
	if in.nc != nil {
		in.nc.Close()
	}
	if in.broker != nil {
		in.broker.Shutdown()
		in.broker.WaitForShutdown()
	}
	if in.Node != nil {
		errs = append(errs, in.Node.Stop(ctx))
	}
	if in.Store != nil {
		errs = append(errs, in.Store.Close())
	}
	if why := in.fatal.Load(); why != nil {
		errs = append(errs, fmt.Errorf("the engine stopped itself: %w", *why))
	}
	return errors.Join(errs...)
}

// SlowFS is the operating system's file system with a disk whose every sync takes longer, or does not end before it is allowed to.
type SlowFS struct {
	vfs.FS
	delay atomic.Int64                  // ns
	hang  atomic.Pointer[chan struct{}] // closed when syncs may end; nil is never hung
}

// NewSlowFS returns a file system with a delay of 0.
func NewSlowFS() *SlowFS { return &SlowFS{FS: vfs.Default} }

// SetDelay makes every sync that begins from now on take that much longer.
func (s *SlowFS) SetDelay(d time.Duration) { s.delay.Store(int64(d)) }

// Hang lets no sync end that begins from now on, until the function it returns is called.
func (s *SlowFS) Hang() (goOn func()) {
	hang := make(chan struct{})
	s.hang.Store(&hang)
	return sync.OnceFunc(func() {
		s.hang.Store(nil)
		close(hang)
	})
}

// Unwrap implements vfs.FS.
func (s *SlowFS) Unwrap() vfs.FS { return s.FS }

func (s *SlowFS) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &slowFile{File: f, fs: s}, nil
}

// Create implements vfs.FS.
func (s *SlowFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return s.wrap(s.FS.Create(name, category))
}

// OpenReadWrite implements vfs.FS.
func (s *SlowFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return s.wrap(s.FS.OpenReadWrite(name, category, opts...))
}

// ReuseForWrite implements vfs.FS.
func (s *SlowFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return s.wrap(s.FS.ReuseForWrite(oldname, newname, category))
}

type slowFile struct {
	vfs.File
	fs *SlowFS
}

func (f *slowFile) wait() {
	if hang := f.fs.hang.Load(); hang != nil {
		<-*hang
	}
	time.Sleep(time.Duration(f.fs.delay.Load()))
}

// Sync implements vfs.File.
func (f *slowFile) Sync() error {
	f.wait()
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f *slowFile) SyncData() error {
	f.wait()
	return f.File.SyncData()
}

// SyncTo implements vfs.File.
func (f *slowFile) SyncTo(length int64) (bool, error) {
	f.wait()
	return f.File.SyncTo(length)
}
