package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	//go:embed postgres/holds.sql
	postgresHolds string
	//go:embed postgres/row.sql
	postgresRow string
	//go:embed postgres/skip_locked.sql
	postgresSkipLocked string
)

// postgresConf is what differs from PostgreSQL's defaults. Nothing in it makes a commit less durable. Sequential scans are off because tables begin
// empty in every round, where the planner would prefer them for good.
const postgresConf = `listen_addresses = '127.0.0.1'
max_connections = 200
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = minimal
max_wal_senders = 0
wal_compression = lz4
wal_buffers = 64MB
min_wal_size = 2GB
max_wal_size = 8GB
checkpoint_timeout = 1h
shared_buffers = 1GB
huge_pages = try
autovacuum = on
jit = off
plan_cache_mode = force_generic_plan
enable_seqscan = off
track_activities = off
update_process_title = off
log_checkpoints = off
`

// postgresServer is a PostgreSQL server of our own, with a database for each way of holding tickets.
type postgresServer struct {
	version string
	bin     string // the folder of its programs
	address endpoint
	child   *child
	admin   *pgxpool.Pool // over the socket
}

var errNoPostgres = errors.New("this needs postgres, initdb and pgbench: run bench/peers/install.sh")

// postgresBin is the folder of PostgreSQL's programs: what is on the PATH, or else the newest of Debian's.
func postgresBin() (string, error) {
	candidates, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", fmt.Errorf("look for PostgreSQL: %w", err)
	}
	slices.SortFunc(candidates, func(a, b string) int {
		major := func(dir string) int { n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))); return n }
		return major(b) - major(a)
	})
	if path, err := exec.LookPath("postgres"); err == nil {
		candidates = append([]string{filepath.Dir(path)}, candidates...)
	}
	for _, dir := range candidates {
		missing := slices.ContainsFunc([]string{"postgres", "initdb", "pgbench"}, func(name string) bool {
			_, err := exec.LookPath(filepath.Join(dir, name))
			return err != nil
		})
		if !missing {
			return dir, nil
		}
	}
	return "", errNoPostgres
}

// postgresUser is who runs PostgreSQL: the user postgres if we are root, for whom it refuses to start, or else ourselves.
func postgresUser() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is no user postgres: run bench/peers/install.sh: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the user postgres has the id %s: %w", u.Uid, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the user postgres has the group %s: %w", u.Gid, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// startPostgres makes a cluster in dir and starts a server on it.
func startPostgres(ctx context.Context, dir string) (_ *postgresServer, err error) {
	s := &postgresServer{}
	if s.bin, err = postgresBin(); err != nil {
		return nil, err
	}
	as, err := postgresUser()
	if err != nil {
		return nil, err
	}
	version, err := exec.Command(filepath.Join(s.bin, "postgres"), "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask postgres for its version: %w", err)
	}
	s.version = strings.TrimSpace(string(version))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.end())
		}
	}()
	if s.address, err = newEndpoint(); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	password := filepath.Join(s.address.folder, "password")
	if err := os.WriteFile(password, []byte(s.address.password), 0o600); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	if as != nil {
		for _, d := range []string{data, s.address.folder, password} {
			if err := os.Chown(d, int(as.Uid), int(as.Gid)); err != nil {
				return nil, fmt.Errorf("start postgres: %w", err)
			}
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "-D", data, "-U", "bench",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile="+password, "--locale=C", "--encoding=UTF8", "--no-instructions")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	initdb.Dir = s.address.folder // a folder that the user can be in
	if text, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w; it printed:\n%s\nThe user postgres must be able to reach %s: name another folder in BENCH_DIR if it cannot", err, text, data)
	}
	conf := filepath.Join(data, "postgresql.auto.conf")
	if err := os.WriteFile(conf, []byte(postgresConf), 0o600); err != nil { // over initdb's own, with its owner
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	if s.child, err = startChild(filepath.Join(dir, "postgres.log"), as, filepath.Join(s.bin, "postgres"), "-D", data, "-k", s.address.folder, "-p", s.address.port); err != nil {
		return nil, err
	}
	if s.admin, err = s.connect(ctx, true, "postgres", 2); err != nil {
		return nil, err
	}
	return s, s.child.ready(func() error { return s.admin.Ping(ctx) })
}

// connect makes a pool of so many connections, over the unix socket or over loopback TCP.
func (s *postgresServer) connect(ctx context.Context, unix bool, database string, conns int) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s port=%s user=bench password=%s sslmode=disable dbname=%s pool_max_conns=%d",
		s.host(unix), s.address.port, s.address.password, database, conns))
	if err != nil {
		return nil, fmt.Errorf("connect to postgres: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect to postgres: %w", err)
	}
	return pool, nil
}

// host is how clients name the server.
func (s *postgresServer) host(unix bool) string {
	if unix {
		return s.address.folder
	}
	return loopback
}

// end stops the server by the process that was started.
func (s *postgresServer) end() error {
	var errs []error
	if s.admin != nil {
		s.admin.Close()
	}
	if s.child != nil {
		errs = append(errs, s.child.end(syscall.SIGINT)) // the fast shutdown
	}
	return errors.Join(append(errs, s.address.remove())...)
}

// commitDelay sets how long a commit waits for others to share its sync.
func (s *postgresServer) commitDelay(ctx context.Context, us int) error {
	if _, err := s.admin.Exec(ctx, fmt.Sprintf("ALTER SYSTEM SET commit_delay = %d", us)); err != nil {
		return fmt.Errorf("postgres: set commit_delay: %w", err)
	}
	if _, err := s.admin.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return fmt.Errorf("postgres: set commit_delay: %w", err)
	}
	return nil
}

// postgresSale is a database in which tickets are held one of the two ways: the [Peer] that PostgreSQL is with functions in it.
type postgresSale struct {
	server   *postgresServer
	database string
	pool     *pgxpool.Pool

	mu     sync.Mutex
	events []string // on sale, for the sweep
	swept  func() error
}

var _ Peer = (*postgresSale)(nil)

// sale makes a database with the tables and functions of how, one of the two SQL files.
func (s *postgresServer) sale(ctx context.Context, database, how string) (*postgresSale, error) {
	if _, err := s.admin.Exec(ctx, "CREATE DATABASE "+database); err != nil {
		return nil, fmt.Errorf("postgres: make a database: %w", err)
	}
	pool, err := s.connect(ctx, true, database, 8)
	if err != nil {
		return nil, err
	}
	for _, text := range []string{postgresHolds, how} {
		if _, err := pool.Exec(ctx, text); err != nil {
			pool.Close()
			return nil, fmt.Errorf("postgres: make the tables of %s: %w", database, err)
		}
	}
	p := &postgresSale{server: s, database: database, pool: pool}
	p.swept = sweep(ctx, p.expireDue)
	return p, nil
}

func (p *postgresSale) end() error {
	err := p.swept()
	p.pool.Close()
	return err
}

// Create implements [Peer].
func (p *postgresSale) Create(ctx context.Context, event string, tickets int, ttl time.Duration) error {
	if _, err := p.pool.Exec(ctx, "SELECT create_event($1, $2, $3, $4)", event, tickets, LimitPerBuyer, ttl); err != nil {
		return fmt.Errorf("postgres: create %s: %w", event, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, event)
	return nil
}

const (
	holdSQL     = "SELECT code, expires_at FROM hold($1, $2, $3, $4)"
	holdManySQL = "SELECT hold_many($1, $2, $3)"
)

// Hold implements [Peer].
func (p *postgresSale) Hold(ctx context.Context, r Request) (Answer, error) {
	var code string
	var deadline *time.Time
	err := p.pool.QueryRow(ctx, holdSQL, r.Event, r.ID, r.Buyer, r.Quantity).Scan(&code, &deadline)
	switch refused := refusal(err); {
	case refused != "":
		return Answer{Code: refused}, nil
	case err != nil:
		return Answer{}, fmt.Errorf("postgres: hold %s: %w", r.ID, err)
	case deadline == nil:
		return Answer{Code: Code(code)}, nil
	}
	return Answer{Code: Held, Hold: r.ID, Deadline: *deadline, Repeated: code == "repeated"}, nil
}

// refusal is the code of a transaction that was undone because it could not do what it was asked, or nothing.
func refusal(err error) Code {
	var e *pgconn.PgError
	switch {
	case !errors.As(err, &e):
		return ""
	case e.Code == "P0001": // raised by our functions
		return Code(e.Message)
	case e.Code == "23505" && e.ConstraintName == "holds_pkey": // somebody else's request with the same id came at the same time
		return RequestMismatch
	}
	return ""
}

// Confirm implements [Peer].
func (p *postgresSale) Confirm(ctx context.Context, event, buyer, hold string) (code Code, err error) {
	if err := p.pool.QueryRow(ctx, "SELECT confirm($1, $2, $3)", event, buyer, hold).Scan(&code); err != nil {
		return "", fmt.Errorf("postgres: confirm %s: %w", hold, err)
	}
	return code, nil
}

// Ledger implements [Peer].
func (p *postgresSale) Ledger(ctx context.Context, event string) (l Ledger, err error) {
	if err := p.pool.QueryRow(ctx, "SELECT free, held, sold FROM ledger($1)", event).Scan(&l.Free, &l.Held, &l.Sold); err != nil {
		return l, fmt.Errorf("postgres: ledger of %s: %w", event, err)
	}
	return l, nil
}

// expireDue looks for due holds in all events.
func (p *postgresSale) expireDue(ctx context.Context) (more bool, err error) {
	p.mu.Lock()
	events := p.events
	p.mu.Unlock()
	for _, event := range events {
		var n int
		if err := p.pool.QueryRow(ctx, "SELECT expire($1, $2)", event, sweepMax).Scan(&n); err != nil {
			return false, fmt.Errorf("postgres: sweep: %w", err)
		}
		more = more || n == sweepMax
	}
	return more, nil
}

// clear takes everything away, and lets the checkpointer write what it would write later.
func (p *postgresSale) clear(ctx context.Context) error {
	p.mu.Lock()
	p.events = nil
	p.mu.Unlock()
	for _, sql := range []string{"SELECT clear()", "CHECKPOINT"} {
		if _, err := p.pool.Exec(ctx, sql); err != nil {
			return fmt.Errorf("postgres: clear: %w", err)
		}
	}
	return nil
}
