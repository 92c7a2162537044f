package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"
)

// settingsEnvPrefix begins the environment variable of every flag: --inflight-per-event is HOLDFAST_INFLIGHT_PER_EVENT.
const settingsEnvPrefix = "HOLDFAST_"

// settingsHelp ends the help of a command whose flags are settings.
const settingsHelp = `
Every flag can also be an environment variable (--inflight-per-event is HOLDFAST_INFLIGHT_PER_EVENT) or a line of the YAML file
given with --config (inflight-per-event: 1000). A flag wins over the environment, the environment over the file.`

// envName is the environment variable of a flag.
func envName(flag string) string {
	return settingsEnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// applySettings fills the flags that the command line left out from the environment, then from the --config file. A setting that no
// flag has is refused, with the nearest one's name.
func applySettings(cmd *cobra.Command) error {
	flags := cmd.Flags()
	var firstErr error
	fill := func(name, value, source string) {
		if f := flags.Lookup(name); f != nil && !f.Changed && firstErr == nil {
			if err := flags.Set(name, value); err != nil {
				firstErr = fmt.Errorf("%s: %w", source, err)
			}
		}
	}
	var known []string
	flags.VisitAll(func(f *pflag.Flag) {
		known = append(known, f.Name)
		if value, ok := os.LookupEnv(envName(f.Name)); ok {
			fill(f.Name, value, envName(f.Name))
		}
	})
	config, err := flags.GetString("config")
	if err != nil || config == "" {
		return firstErr
	}
	text, err := os.ReadFile(config)
	if err != nil {
		return fmt.Errorf("read --config: %w", err)
	}
	var settings map[string]any
	if err := yaml.Unmarshal(text, &settings); err != nil {
		return fmt.Errorf("%s is not YAML of the form `flag: value`: %w", config, err)
	}
	names := make([]string, 0, len(settings))
	for name := range settings {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(known, name) || name == "config" || name == "help" {
			return fmt.Errorf("%s: there is no setting %q; did you mean %q?", config, name, nearest(name, known))
		}
		value := settings[name]
		if list, ok := value.([]any); ok {
			parts := make([]string, len(list))
			for i := range list {
				parts[i] = fmt.Sprint(list[i])
			}
			value = strings.Join(parts, ",")
		}
		fill(name, fmt.Sprint(value), config+": "+name)
	}
	return firstErr
}

// nearest is the name with the smallest edit distance to the one given.
func nearest(name string, names []string) string {
	best, bestDistance := "", 1<<30
	for _, n := range names {
		if d := editDistance(name, n); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

// editDistance is the Levenshtein distance between two short strings.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
