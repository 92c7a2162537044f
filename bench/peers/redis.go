package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed redis/hold.lua
	redisHold string
	//go:embed redis/confirm.lua
	redisConfirm string
	//go:embed redis/expire.lua
	redisExpire string
)

// redisConfig is how a Redis server runs: nothing that a hold does not need, and every hold in the append-only file.
type redisConfig struct {
	fsync     string // appendfsync: always or everysec
	ioThreads int
}

// file is the configuration file, for a server with its data in dir.
func (c redisConfig) file(dir, socket, port, password string) string {
	return fmt.Sprintf(`bind 127.0.0.1
port %s
requirepass %s
unixsocket %s
unixsocketperm 700
dir %s
daemonize no
save ""
appendonly yes
appendfsync %s
no-appendfsync-on-rewrite no
auto-aof-rewrite-percentage 0
aof-use-rdb-preamble yes
io-threads %d
maxclients 4096
tcp-backlog 4096
timeout 0
slowlog-log-slower-than -1
latency-monitor-threshold 0
`, port, password, socket, dir, c.fsync, c.ioThreads)
}

// redisServer is a Redis server of our own, and the [Peer] that it is with three scripts.
type redisServer struct {
	config  redisConfig
	version string
	address endpoint
	socket  string
	child   *child
	client  *redis.Client // over the socket
	hold    string        // the script's hash
	confirm *redis.Script
	expire  *redis.Script

	mu     sync.Mutex
	events []string // on sale, for the sweep
	swept  func() error
}

var _ Peer = (*redisServer)(nil)

var errNoRedis = errors.New("this needs redis-server and redis-benchmark: run bench/peers/install.sh")

// startRedis starts a server with its data in dir.
func startRedis(ctx context.Context, dir string, c redisConfig) (_ *redisServer, err error) {
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		return nil, errNoRedis
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errNoRedis
	}
	version, err := exec.Command(path, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask redis-server for its version: %w", err)
	}
	s := &redisServer{config: c, version: strings.TrimSpace(string(version)), confirm: redis.NewScript(redisConfirm), expire: redis.NewScript(redisExpire)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.end())
		}
	}()
	if s.address, err = newEndpoint(); err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	s.socket = filepath.Join(s.address.folder, "redis")
	conf := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(conf, []byte(c.file(dir, s.socket, s.address.port, s.address.password)), 0o600); err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	if s.child, err = startChild(filepath.Join(dir, "redis.log"), nil, path, conf); err != nil {
		return nil, err
	}
	s.client = s.connect(true, 8)
	if err := s.child.ready(func() error { return s.client.Ping(ctx).Err() }); err != nil {
		return nil, err
	}
	if s.hold, err = s.client.ScriptLoad(ctx, redisHold).Result(); err != nil {
		return nil, fmt.Errorf("load hold.lua: %w", err)
	}
	for _, script := range []*redis.Script{s.confirm, s.expire} {
		if err := script.Load(ctx, s.client).Err(); err != nil {
			return nil, fmt.Errorf("load a script: %w", err)
		}
	}
	s.swept = sweep(ctx, s.expireDue)
	return s, nil
}

// connect makes a client with so many connections, over the unix socket or over loopback TCP.
func (s *redisServer) connect(unix bool, conns int) *redis.Client {
	o := &redis.Options{
		Network: "tcp", Addr: s.address.tcp(), Password: s.address.password, PoolSize: conns, Protocol: 2, DisableIdentity: true,
		ReadTimeout: -1, WriteTimeout: -1, MaxRetries: -1,
	}
	if unix {
		o.Network, o.Addr = "unix", s.socket
	}
	return redis.NewClient(o)
}

// end stops the server by the process that was started.
func (s *redisServer) end() error {
	var errs []error
	if s.swept != nil {
		errs = append(errs, s.swept())
	}
	if s.client != nil {
		errs = append(errs, s.client.Close())
	}
	if s.child != nil {
		errs = append(errs, s.child.end(syscall.SIGTERM))
	}
	return errors.Join(append(errs, s.address.remove())...)
}

// keys are those of an event: its hash and its deadlines.
func keys(event string) []string { return []string{event, event + ":d"} }

// Create implements [Peer].
func (s *redisServer) Create(ctx context.Context, event string, tickets int, ttl time.Duration) error {
	err := s.client.HSet(ctx, event, "free", tickets, "held", 0, "sold", 0, "limit", LimitPerBuyer, "ttl", ttl.Milliseconds()).Err()
	if err != nil {
		return fmt.Errorf("redis: create %s: %w", event, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, event)
	return nil
}

// Hold implements [Peer].
func (s *redisServer) Hold(ctx context.Context, r Request) (Answer, error) {
	text, err := s.client.EvalSha(ctx, s.hold, keys(r.Event), r.ID, r.Buyer, r.Quantity).Text()
	if err != nil {
		return Answer{}, fmt.Errorf("redis: hold %s: %w", r.ID, err)
	}
	code, deadline, _ := strings.Cut(text, " ")
	if deadline == "" {
		return Answer{Code: Code(code)}, nil
	}
	ms, err := strconv.ParseInt(deadline, 10, 64)
	if err != nil {
		return Answer{}, fmt.Errorf("redis: hold %s was answered %q: %w", r.ID, text, err)
	}
	return Answer{Code: Held, Hold: r.ID, Deadline: time.UnixMilli(ms), Repeated: code == "repeated"}, nil
}

// Confirm implements [Peer].
func (s *redisServer) Confirm(ctx context.Context, event, buyer, hold string) (Code, error) {
	text, err := s.confirm.Run(ctx, s.client, keys(event), buyer, hold).Text()
	if err != nil {
		return "", fmt.Errorf("redis: confirm %s: %w", hold, err)
	}
	return Code(text), nil
}

// Ledger implements [Peer].
func (s *redisServer) Ledger(ctx context.Context, event string) (l Ledger, err error) {
	values, err := s.client.HMGet(ctx, event, "free", "held", "sold").Result()
	if err != nil {
		return l, fmt.Errorf("redis: ledger of %s: %w", event, err)
	}
	for i, into := range []*int64{&l.Free, &l.Held, &l.Sold} {
		text, ok := values[i].(string)
		if !ok {
			return l, fmt.Errorf("redis: event %s is not there", event)
		}
		if *into, err = strconv.ParseInt(text, 10, 64); err != nil {
			return l, fmt.Errorf("redis: ledger of %s: %w", event, err)
		}
	}
	return l, nil
}

// expireDue looks for due holds in all events.
func (s *redisServer) expireDue(ctx context.Context) (more bool, err error) {
	s.mu.Lock()
	events := s.events
	s.mu.Unlock()
	if len(events) == 0 {
		return false, nil
	}
	p := s.client.Pipeline()
	ended := make([]*redis.Cmd, len(events))
	for i, event := range events {
		ended[i] = p.EvalSha(ctx, s.expire.Hash(), keys(event), sweepMax)
	}
	if _, err := p.Exec(ctx); err != nil {
		return false, fmt.Errorf("redis: sweep: %w", err)
	}
	for _, c := range ended {
		if n, err := c.Int(); err == nil && n == sweepMax {
			more = true
		}
	}
	return more, nil
}

// clear takes everything away and starts the append-only file anew.
func (s *redisServer) clear(ctx context.Context) error {
	s.mu.Lock()
	s.events = nil
	s.mu.Unlock()
	if err := s.client.FlushAll(ctx).Err(); err != nil {
		return fmt.Errorf("redis: clear: %w", err)
	}
	if err := s.client.BgRewriteAOF(ctx).Err(); err != nil {
		return fmt.Errorf("redis: clear: %w", err)
	}
	for {
		info, err := s.client.Info(ctx, "persistence").Result()
		if err != nil {
			return fmt.Errorf("redis: clear: %w", err)
		}
		if strings.Contains(info, "aof_rewrite_in_progress:0") && strings.Contains(info, "aof_rewrite_scheduled:0") {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}
