package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/transport"
)

const deploy = "../../deploy/"

func readDeploy(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(deploy + name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wantCommand fails if the program does not take these arguments.
func wantCommand(t *testing.T, where string, args []string) {
	t.Helper()
	cmd, rest, err := newRoot(io.Discard, io.Discard).Find(args)
	if err == nil && !cmd.Runnable() {
		t.Errorf("%s: engine %s names no command", where, strings.Join(args, " "))
		return
	}
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: engine %s: %v", where, strings.Join(args, " "), err)
	}
}

// wantSetting fails if serve has no flag of that environment variable.
func wantSetting(t *testing.T, where, variable string) {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, settingsEnvPrefix), "_", "-"))
	if !strings.HasPrefix(variable, settingsEnvPrefix) || serveCommand().Flags().Lookup(name) == nil {
		t.Errorf("%s sets %s, which is no setting of serve", where, variable)
	}
}

// unitValues are the values of a setting of a systemd unit.
func unitValues(unit, name string) (values []string) {
	for _, m := range regexp.MustCompile(`(?m)^`+name+`=(.*)$`).FindAllStringSubmatch(unit, -1) {
		values = append(values, m[1])
	}
	return values
}

func TestSystemdUnitStartsTheEngine(t *testing.T) {
	unit := readDeploy(t, "holdfast.service")
	one := func(name string) string {
		values := unitValues(unit, name)
		if len(values) != 1 {
			t.Fatalf("the unit has %s %d times", name, len(values))
		}
		return values[0]
	}
	command := strings.Fields(one("ExecStart"))
	wantCommand(t, "ExecStart", command[1:])
	folders := strings.Fields(one("StateDirectory"))
	if data := "/var/lib/" + folders[0]; !slices.Contains(command, data) {
		t.Errorf("ExecStart does not use %s, which the unit lets it write", data)
	}
	if backups := backupsBeside(folders[0]); !slices.Contains(folders, backups) {
		t.Errorf("the unit does not let it write %s, where backups go", backups)
	}
	if stop, err := time.ParseDuration(one("TimeoutStopSec")); err != nil || stop <= drainDefault {
		t.Errorf("TimeoutStopSec is %s: a drain may take %v", one("TimeoutStopSec"), drainDefault)
	}
	if one("Type") != "notify" || one("Restart") != "on-failure" || one("StartLimitBurst") == "" || one("StartLimitIntervalSec") == "" {
		t.Error("the unit must be told when the engine is ready, restart it after a failure, and stop restarting")
	}
	if !strings.Contains(unit, "--drain-timeout ("+drainDefault.String()+")") {
		t.Errorf("the unit says another --drain-timeout than %v", drainDefault)
	}
}

func TestSystemdTakesTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: Debian package systemd")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := strings.ReplaceAll(readDeploy(t, "holdfast.service"), "/usr/local/bin/engine", self)
	out, err := exec.Command(analyze, "verify", "--man=no", write(t, "holdfast.service", unit)).CombinedOutput()
	if err != nil || strings.Contains(string(out), "holdfast.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	wrong := strings.Replace(unit, "NoNewPrivileges=yes", "NoNewPrivilege=yes", 1)
	if out, _ := exec.Command(analyze, "verify", "--man=no", write(t, "holdfast.service", wrong)).CombinedOutput(); !strings.Contains(string(out), "NoNewPrivilege") {
		t.Errorf("a setting that is none passes: this test proves nothing\n%s", out)
	}
}

// TestConfigFileOfDeployChangesNothing: the file is an example, so what it sets is what is set anyway.
func TestConfigFileOfDeployChangesNothing(t *testing.T) {
	flag, err := settled(t, "--config", filepath.FromSlash(deploy+"engine.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+): `).FindAllStringSubmatch(readDeploy(t, "engine.yaml"), -1) {
		if def := serveCommand().Flags().Lookup(m[1]).DefValue; flag(m[1]) != def {
			t.Errorf("%s is %s, and without the file %s", m[1], flag(m[1]), def)
		}
	}
}

// instruction is one instruction of a Dockerfile, which has them in lines.
type instruction struct{ name, text string }

func dockerfile(t *testing.T) (list []instruction) {
	t.Helper()
	for _, line := range strings.Split(readDeploy(t, "Dockerfile"), "\n") {
		if name, text, ok := strings.Cut(line, " "); ok && name != "#" {
			list = append(list, instruction{name, text})
		}
	}
	return list
}

func TestDockerfileRunsTheEngine(t *testing.T) {
	var entry, command []string
	words := func(text string) (list []string) {
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Errorf("%s: write it as a list, as scratch has no shell: %v", text, err)
		}
		return list
	}
	made := map[string]bool{"/etc/ssl/certs/ca-certificates.crt": true} // of the golang image, which is Debian's with the package ca-certificates
	image := map[string]bool{}
	from := ""
	for _, i := range dockerfile(t) {
		switch i.name {
		case "FROM":
			from = i.text
		case "RUN":
			for _, path := range regexp.MustCompile(`/out/\w+`).FindAllString(i.text, -1) {
				made[path] = true
			}
		case "COPY":
			paths := strings.Fields(i.text)
			for len(paths) > 0 && strings.HasPrefix(paths[0], "--") {
				paths = paths[1:]
			}
			source, target := paths[:len(paths)-1], paths[len(paths)-1]
			for _, path := range source {
				if strings.Contains(i.text, "--from=build") {
					if !made[path] {
						t.Errorf("COPY %s: the build makes no %s", i.text, path)
					}
					image[target] = true
				} else if _, err := os.Stat(filepath.Join("../..", path)); err != nil {
					t.Errorf("COPY %s: %v", i.text, err)
				}
			}
		case "USER":
			if user, _, _ := strings.Cut(i.text, ":"); func() bool { n, err := strconv.Atoi(user); return err != nil || n == 0 }() {
				t.Errorf("USER %s: scratch knows no names, and nobody is root", i.text)
			}
		case "ENV":
			if from == "scratch" {
				for _, pair := range strings.Fields(i.text) {
					variable, _, _ := strings.Cut(pair, "=")
					wantSetting(t, "ENV", variable)
				}
			}
		case "VOLUME":
			for _, volume := range strings.Fields(i.text) {
				if !image[volume] {
					t.Errorf("VOLUME %s is not in the image: it would belong to root", volume)
				}
			}
		case "EXPOSE":
			for _, at := range []string{transport.ListenDefault, transport.HTTPListenDefault} {
				if port := at[strings.LastIndexByte(at, ':')+1:]; !slices.Contains(strings.Fields(i.text), port) {
					t.Errorf("EXPOSE does not name %s", port)
				}
			}
		case "HEALTHCHECK":
			_, probe, _ := strings.Cut(i.text, " CMD ")
			wantCommand(t, "HEALTHCHECK", words(probe)[1:])
			timeout := regexp.MustCompile(`--timeout=(\S+)`).FindStringSubmatch(i.text)
			if d, err := time.ParseDuration(timeout[1]); err != nil || d <= healthTimeoutDefault {
				t.Errorf("HEALTHCHECK gives up after %s, engine health after %v", timeout[1], healthTimeoutDefault)
			}
		case "ENTRYPOINT":
			entry = words(i.text)
		case "CMD":
			command = words(i.text)
		case "WORKDIR", "STOPSIGNAL":
		default:
			t.Errorf("this test does not know %s", i.name)
		}
	}
	if from != "scratch" || len(entry) == 0 || !image[entry[0]] {
		t.Errorf("the image is FROM %s and starts %v, which it must have", from, entry)
	}
	wantCommand(t, "CMD", append(entry[1:], command...))
}
