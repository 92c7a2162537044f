package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport"
)

// roles are those of deploy/nats.conf, in the order of the columns of testdata/roles.txt; the last is somebody without a user.
var roles = []string{"engine", "shop", "office", "organiser", "operator", "observer", "notices", "gate", "analyst", "browser", "anonymous"}

const natsConf = "../../deploy/nats.conf"

// roleKeys makes a key for every role of deploy/nats.conf and gives the public halves to the environment, as its reader does.
func roleKeys(t *testing.T) (seeds map[string]string) {
	t.Helper()
	dir := t.TempDir()
	seeds = map[string]string{}
	for _, role := range roles[:len(roles)-1] {
		seeds[role] = filepath.Join(dir, role+".nk")
		public, err := makeKey(seeds[role])
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("HOLDFAST_NKEY_"+strings.ToUpper(role), public)
	}
	return seeds
}

// serveRoles runs the engine with deploy/nats.conf, in the embedded NATS server or against one at a URL.
func serveRoles(t *testing.T, data string, seeds map[string]string, natsURL string) *serving {
	t.Helper()
	args := []string{"--nkey", seeds["engine"], "--inbox-prefix", "_INBOX_engine"}
	if natsURL != "" {
		return serveOn(t, data, append(args, "--nats", natsURL)...)
	}
	return serveOn(t, data, append(args, "--nats-config", natsConf)...)
}

// caller is a connection of one role, by hand: what NATS says is kept.
type caller struct {
	t  *testing.T
	nc *nats.Conn
}

func connectRole(t *testing.T, url, role string, seeds map[string]string) *caller {
	t.Helper()
	options, err := transport.Access{NKeyFile: seeds[role], InboxPrefix: "_INBOX_" + role}.Options(url)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(url, append(options, nats.SkipSubjectValidation(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
	if err != nil {
		t.Fatalf("%s: %v", role, err)
	}
	t.Cleanup(nc.Close)
	return &caller{t, nc}
}

// denied reports whether NATS has just denied this: "Publish" or "Subscription", and the subject.
func (c *caller) denied(what, subject string) bool {
	c.t.Helper()
	if err := c.nc.FlushTimeout(patience); err != nil {
		c.t.Fatal(err)
	}
	err := c.nc.LastError()
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(what+" to "+strconv.Quote(subject)))
}

// ask sends a request and returns the answer.
func (c *caller) ask(subject, body string) []byte {
	c.t.Helper()
	m, err := c.nc.RequestWithContext(within(c.t), subject, []byte(body))
	if err != nil {
		c.t.Fatalf("%s %s: %v", subject, body, err)
	}
	return m.Data
}

// state is the state hash of an event, and the ids of all events: what a denied call must not change.
func (c *caller) state() string {
	c.t.Helper()
	var got struct {
		Event struct {
			StateHash string `json:"state_hash"`
			State     string `json:"state"`
		} `json:"event"`
	}
	text := c.ask("holdfast.v1.events.night.get", "{}")
	if err := json.Unmarshal(text, &got); err != nil || got.Event.StateHash == "" {
		c.t.Fatalf("get: %s %v", text, err)
	}
	return got.Event.StateHash + " " + got.Event.State + " " + string(c.ask("holdfast.v1.events.list", "{}"))
}

// effective are commands that would have an effect on the event night, on which h1 is held by b1 and o1 bought by b2.
var effective = map[string]string{
	"create": `{"request_id":"x-create","currency":"EUR","lots":[{"lot":"ga","capacity":1}]}`, "update": `{"request_id":"x-update","name":"Another Night"}`,
	"open": `{"request_id":"x-open"}`, "pause": `{"request_id":"x-pause"}`, "close": `{"request_id":"x-close"}`, "get": `{}`, "list": `{}`,
	"hold":        `{"request_id":"x-hold","buyer":"b9","items":[{"lot":"ga","quantity":1}]}`,
	"extend":      `{"request_id":"x-extend","buyer":"b1","hold":"h1"}`,
	"release":     `{"request_id":"x-release","buyer":"b1","hold":"h1"}`,
	"confirm":     `{"request_id":"x-confirm","buyer":"b1","hold":"h1","payment_ref":"x"}`,
	"order":       `{"buyer":"b2","order":"o1"}`,
	"block":       `{"request_id":"x-block","lot":"ga","quantity":1}`,
	"unblock":     `{"request_id":"x-unblock","lot":"ga","quantity":1}`,
	"capacity":    `{"request_id":"x-capacity","lot":"ga","capacity":77}`,
	"offer":       `{"request_id":"x-offer","buyer":"b9","items":[{"lot":"ga","quantity":1}]}`,
	"buy":         `{"request_id":"x-buy","buyer":"b9","items":[{"lot":"ga","quantity":1}],"wait_ms":0}`,
	"purchase":    `{"buyer":"b1","purchase":"p1"}`,
	"complete":    `{"request_id":"x-complete","buyer":"b1","purchase":"p1"}`,
	"undo":        `{"request_id":"x-undo","buyer":"b1","purchase":"p1"}`,
	"refund":      `{"request_id":"x-refund","order":"o1"}`,
	"admit":       `{"request_id":"x-admit","ticket":"t1"}`,
	"reissue":     `{"request_id":"x-reissue","ticket":"t1"}`,
	"cancel":      `{"request_id":"x-cancel"}`,
	"one_click":   `{"request_id":"x-one-click","on":false}`,
	"touch":       `{"touches":[{"kind":"viewed","id":"x-touch"}]}`,
	"join":        `{"request_id":"x-join","buyer":"b9"}`,
	"leave":       `{"request_id":"x-leave","buyer":"b9"}`,
	"place":       `{"entries_from":1}`,
	"absent":      `{"request_id":"x-absent","buyer":"b9"}`,
	"present":     `{"request_id":"x-present","buyer":"b9"}`,
	"wait":        `{"request_id":"x-wait","buyer":"b9","wishes":[{"lot":"ga","quantity":1}]}`,
	"here":        `{"buyer":"b9"}`,
	"codes":       `{"request_id":"x-codes","codes":[{"name":"x","code":"x-2026","uses":1,"discount_minor":1}]}`,
	"draw":        `{"request_id":"x-draw","value":"7 14 21"}`,
	"batch":       `{"commands":[{"close":{"request_id":"x-batch"}}]}`,
	"buyer_batch": `{"commands":[{"hold":{"request_id":"x-bbatch","buyer":"b8","items":[{"lot":"ga","quantity":1}]}}]}`,
}

// roleRow is a line of testdata/roles.txt.
type roleRow struct {
	what, subject string
	may           []bool // by role
}

func readRoles(t *testing.T) []roleRow {
	t.Helper()
	f, err := os.Open("testdata/roles.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []roleRow
	header := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 0 || words[0] == "#" || strings.HasPrefix(words[0], "#"):
			continue
		case !header:
			if header = slices.Equal(words, roles); !header {
				t.Fatalf("the columns of testdata/roles.txt are %v, they must be %v", words, roles)
			}
			continue
		case len(words) != 2+len(roles) || words[0] != "pub" && words[0] != "sub":
			t.Fatalf("testdata/roles.txt: %q is no row", lines.Text())
		}
		row := roleRow{what: words[0], subject: words[1]}
		for _, cell := range words[2:] {
			if cell != "yes" && cell != "-" {
				t.Fatalf("testdata/roles.txt: %q has the cell %q", lines.Text(), cell)
			}
			row.may = append(row.may, cell == "yes")
		}
		rows = append(rows, row)
	}
	return rows
}

// TestRolesHaveTheirRightsAndNoMore tries every cell of testdata/roles.txt with the users of deploy/nats.conf, in the embedded NATS server and in one
// that is a process of its own. What is denied changes nothing, and what is allowed to a command's subject is answered by the engine.
func TestRolesHaveTheirRightsAndNoMore(t *testing.T) {
	rows := readRoles(t)
	for _, where := range []string{"embedded", "external"} {
		t.Run(where, func(t *testing.T) {
			seeds := roleKeys(t)
			url := ""
			if where == "external" {
				url = externalNATS(t, natsConf)
			}
			s := serveRoles(t, newData(t), seeds, url)
			prepareNight(t, s, seeds)
			operator := connectRole(t, s.NATS, "operator", seeds)
			everyVerbHasARow(t, operator, rows)
			cells := 0
			for i, role := range roles {
				if role == "anonymous" {
					anonymousIsRefused(t, s.NATS, rows)
					cells += len(rows)
					continue
				}
				c := connectRole(t, s.NATS, role, seeds)
				for _, row := range rows {
					cells++
					c.cell(role, row, row.may[i], operator)
				}
			}
			if deeds := operator.deeds(); len(deeds) != preparedDeeds {
				t.Errorf("the event has %q, %d facts were prepared", deeds, preparedDeeds)
			}
			if strings.Contains(s.logs.String(), "SU") && containsSeed(t, s.logs.String(), seeds) {
				t.Error("a seed is in the log")
			}
			t.Logf("%d cells: %d rows by %d roles, each as it should be", cells, len(rows), len(roles))
		})
	}
}

// cell tries one cell of the table.
func (c *caller) cell(role string, row roleRow, may bool, operator *caller) {
	c.t.Helper()
	if row.what == "sub" {
		sub, err := c.nc.SubscribeSync(row.subject)
		if err != nil {
			c.t.Fatal(err)
		}
		if denied := c.denied("Subscription", row.subject); denied == may {
			c.t.Errorf("%s subscribes to %s: denied is %v", role, row.subject, denied)
		}
		_ = sub.Unsubscribe() // one that was denied is gone already
		return
	}
	verb := row.subject[strings.LastIndexByte(row.subject, '.')+1:]
	body, isCommand := effective[verb]
	isCommand = isCommand && strings.HasPrefix(row.subject, "holdfast.v1.events.") && !strings.Contains(row.subject, "*")
	if may && isCommand {
		if verb != "get" && verb != "list" {
			body = "{}" // refused by the engine, which is to have heard it, and has no effect
		}
		if answer := c.ask(row.subject, body); !strings.HasPrefix(string(answer), "{") || c.denied("Publish", row.subject) {
			c.t.Errorf("%s publishes to %s: the engine answers %s", role, row.subject, answer)
		}
		return
	}
	if row.subject == "holdfast.v1.events.night.create" {
		row.subject = "holdfast.v1.events.another.create"
	}
	before := operator.state()
	// Subjects that end in a wildcard are no subjects to publish on for the Go client, but NATS takes them.
	if err := c.nc.PublishRequest(row.subject, "_INBOX_"+role+".answer", []byte(body)); err != nil {
		c.t.Fatalf("%s publishes to %s: %v", role, row.subject, err)
	}
	if denied := c.denied("Publish", row.subject); denied == may {
		c.t.Errorf("%s publishes to %s: denied is %v: %v", role, row.subject, denied, c.nc.LastError())
	}
	if after := operator.state(); after != before {
		// The engine itself notes now and then how long answers took and how many it refused: that is in the hash, and is no effect.
		if deeds := operator.deeds(); len(deeds) != preparedDeeds {
			c.t.Errorf("%s publishes to %s: the state was %s and is %s: %q", role, row.subject, before, after, deeds)
		}
	}
}

// preparedDeeds are the facts that prepareNight makes.
const preparedDeeds = 5

// deeds are the facts of the event night that a command made.
func (c *caller) deeds() (said []string) {
	c.t.Helper()
	var got struct {
		Inspection struct {
			Facts []struct {
				Kind string `json:"kind"`
				Text string `json:"text"`
			} `json:"facts"`
		} `json:"inspection"`
	}
	text := c.ask("holdfast.v1.admin.inspect", `{"request_id":"deeds","operator":"test","event":"night","facts":200}`)
	if err := json.Unmarshal(text, &got); err != nil || len(got.Inspection.Facts) == 0 {
		c.t.Fatalf("inspect: %s %v", text, err)
	}
	for _, f := range got.Inspection.Facts {
		if f.Kind != "timed" && f.Kind != "tallied" && f.Kind != "proved" {
			said = append(said, f.Kind+": "+f.Text)
		}
	}
	return said
}

// prepareNight creates the event night: h1 is held by b1, o1 was bought by b2, five tickets are blocked.
func prepareNight(t *testing.T, s *serving, seeds map[string]string) {
	t.Helper()
	organiser, office := connectRole(t, s.NATS, "organiser", seeds), connectRole(t, s.NATS, "office", seeds)
	for _, c := range []struct {
		by         *caller
		verb, body string
	}{
		{organiser, "create", `{"request_id":"c1","name":"Night","currency":"EUR","hold_ttl_ms":600000,"open":true,"lots":[{"lot":"ga","face_minor":100,"capacity":100}]}`},
		{office, "hold", `{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":2}]}`},
		{office, "hold", `{"request_id":"h2","buyer":"b2","items":[{"lot":"ga","quantity":1}]}`},
		{office, "confirm", `{"request_id":"k2","buyer":"b2","hold":"h2","payment_ref":"p2"}`},
		{office, "block", `{"request_id":"bl1","lot":"ga","quantity":5}`},
	} {
		if answer := string(c.by.ask(transport.Subject("night", c.verb), c.body)); strings.Contains(answer, `"error"`) {
			t.Fatalf("%s: %s", c.verb, answer)
		}
	}
}

// everyVerbHasARow asks the engine which verbs it has.
func everyVerbHasARow(t *testing.T, operator *caller, rows []roleRow) {
	t.Helper()
	var info struct {
		Metadata map[string]string `json:"metadata"`
	}
	if err := json.Unmarshal(operator.ask("$SRV.INFO.holdfast", ""), &info); err != nil || info.Metadata["verbs"] == "" {
		t.Fatalf("discovery names no verbs: %v", err)
	}
	for _, verb := range strings.Split(info.Metadata["verbs"], ", ") {
		if !slices.ContainsFunc(rows, func(r roleRow) bool { return r.what == "pub" && r.subject == transport.Subject("night", verb) }) {
			t.Errorf("testdata/roles.txt has no row for %s: who may do it?", transport.Subject("night", verb))
		}
		if effective[verb] == "" {
			t.Errorf("effective has no command of %s", verb)
		}
	}
}

// anonymousIsRefused connects without a user, and with users that there are not.
func anonymousIsRefused(t *testing.T, url string, rows []roleRow) {
	t.Helper()
	for _, row := range rows {
		if row.may[len(roles)-1] {
			t.Errorf("testdata/roles.txt lets anybody %s %s", row.what, row.subject)
		}
	}
	seed, _, err := transport.NewUserKey()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := transport.Access{NKeyFile: write(t, "stranger.nk", string(seed))}.Options(url)
	if err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string][]nats.Option{
		"nobody": nil, "a user": {nats.UserInfo("shop", "canary-guess")}, "a token": {nats.Token("canary-guess")}, "another key": stranger,
		"a public key without its seed": {nats.Nkey(os.Getenv("HOLDFAST_NKEY_OPERATOR"), func([]byte) ([]byte, error) { return []byte("signed"), nil })},
	} {
		if nc, err := nats.Connect(url, options...); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s connects: %v", name, err)
			if nc != nil {
				nc.Close()
			}
		}
	}
}

func containsSeed(t *testing.T, text string, seeds map[string]string) bool {
	t.Helper()
	for _, file := range seeds {
		seed, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, strings.TrimSpace(string(seed))) {
			return true
		}
	}
	return false
}

// externalNATS builds a nats-server from the module that we use and runs it as a process of its own, on a free port, with a configuration.
func externalNATS(t *testing.T, config string, flags ...string) (url string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "nats-server")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "" {
			t.Skipf("nats-server cannot be built here: %v\n%s", err, out)
		}
		t.Fatalf("build nats-server: %v\n%s", err, out)
	}
	config, err := filepath.Abs(config)
	if err != nil {
		t.Fatal(err)
	}
	logs := new(output)
	cmd := exec.Command(program, append([]string{"-c", config, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", dir}, flags...)...)
	cmd.Stderr = logs
	cmd.Dir = dir // the configuration keeps its streams beside itself
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	file := filepath.Join(dir, fmt.Sprintf("nats-server_%d.ports", cmd.Process.Pid))
	var ports struct {
		NATS []string `json:"nats"`
	}
	for deadline := time.Now().Add(patience); len(ports.NATS) == 0; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(file); err == nil {
			_ = json.Unmarshal(text, &ports) // it may be half written
		}
		if time.Now().After(deadline) {
			t.Fatalf("nats-server does not start:\n%s", logs)
		}
	}
	return ports.NATS[0]
}
