package transport

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	natsconf "github.com/nats-io/nats-server/v2/conf"
	natsserver "github.com/nats-io/nats-server/v2/server"
)

// The limits of the embedded server, where its configuration file says nothing else.
const (
	embeddedPayloadBytesMax = 1 << 20
	// embeddedControlLineBytesMax is plenty for two ids in a subject and an inbox; who shows a JWT when it connects needs more.
	embeddedControlLineBytesMax    = 1024
	embeddedJWTControlLineBytesMax = 4096
	// embeddedPendingBytesMax is what the server keeps for a connection that does not read. The engine's own connection carries everybody's
	// commands: less would cut it off in a burst that the in-flight bounds are there to answer.
	embeddedPendingBytesMax = 64 << 20
	// embeddedConnectionsMax counts those that have not said who they are, too.
	embeddedConnectionsMax = 4096
	// embeddedSubscriptionsMax is of one connection: the 64 reply subjects that a Go client may have, and as many again.
	embeddedSubscriptionsMax = 128
	// embeddedAuthSecondsMax and embeddedTLSSecondsMax are how long a connection may take to say who it is.
	embeddedAuthSecondsMax = 1
	embeddedTLSSecondsMax  = 2
	embeddedWriteDeadline  = 2 * time.Second
	embeddedPingInterval   = 20 * time.Second
	embeddedPingsOutMax    = 2
)

// options makes the options of the server: those of the file, then what this program decides itself.
func (c *EmbeddedConfig) options() (*natsserver.Options, error) {
	o := &natsserver.Options{}
	if c.ConfigFile != "" {
		if err := checkConfigSecrets(c.ConfigFile); err != nil {
			return nil, err
		}
		var err error
		if o, err = natsserver.ProcessConfigFile(c.ConfigFile); err != nil {
			return nil, err
		}
	}
	if err := c.listen(o); err != nil {
		return nil, err
	}
	o.NoSigs, o.NoLog = true, true // the process has its own
	if o.ServerName == "" {
		o.ServerName = "holdfast"
	}
	setLimits(o)
	o.JetStream = c.DataDir != ""
	if o.JetStream {
		o.StoreDir = filepath.Join(c.DataDir, "jetstream")
		o.SyncAlways = true // an acknowledged message survives a power cut
	}
	return o, checkExposure(o)
}

// listen settles where the server listens: what was asked for, else what the file says, else the default.
func (c *EmbeddedConfig) listen(o *natsserver.Options) error {
	if c.Listen == "" {
		switch {
		case o.Port != 0 && o.Host == "":
			return errors.New("a listen address without a host would listen everywhere: write 127.0.0.1 or 0.0.0.0 before the port")
		case o.Port != 0 || o.Host != "":
			return nil
		}
		c.Listen = ListenDefault
	}
	host, port, err := splitListen(c.Listen)
	if err != nil {
		return err
	}
	if port == 0 {
		port = natsserver.RANDOM_PORT
	}
	o.Host, o.Port = host, port
	return nil
}

func setLimits(o *natsserver.Options) {
	bound := func(v *int, standard int) {
		if *v <= 0 {
			*v = standard
		}
	}
	if o.MaxPayload <= 0 {
		o.MaxPayload = embeddedPayloadBytesMax
	}
	if o.MaxControlLine <= 0 {
		o.MaxControlLine = embeddedControlLineBytesMax
		if len(o.TrustedOperators) > 0 {
			o.MaxControlLine = embeddedJWTControlLineBytesMax
		}
	}
	if o.MaxPending <= 0 {
		o.MaxPending = embeddedPendingBytesMax
	}
	bound(&o.MaxConn, embeddedConnectionsMax)
	bound(&o.MaxSubs, embeddedSubscriptionsMax)
	bound(&o.MaxPingsOut, embeddedPingsOutMax)
	if o.AuthTimeout <= 0 {
		o.AuthTimeout = embeddedAuthSecondsMax
	}
	if o.TLSTimeout <= 0 {
		o.TLSTimeout = embeddedTLSSecondsMax
	}
	if o.WriteDeadline <= 0 {
		o.WriteDeadline = embeddedWriteDeadline
	}
	if o.PingInterval <= 0 {
		o.PingInterval = embeddedPingInterval
	}
}

// checkExposure refuses a server that others could reach without saying who they are, and doors that the embedded server must not have.
func checkExposure(o *natsserver.Options) error {
	users := len(o.Users) > 0 || len(o.Nkeys) > 0 || o.Username != "" || o.Authorization != "" || len(o.TrustedOperators) > 0 || o.AuthCallout != nil
	tls := o.TLSConfig != nil && !o.AllowNonTLS
	switch {
	case o.HTTPPort != 0 || o.HTTPSPort != 0 || o.ProfPort != 0:
		return errors.New("the configuration opens a monitoring port, which asks nobody who they are: leave it out; /metrics is on the HTTP side")
	case o.Cluster.Port != 0 || o.Gateway.Port != 0 || o.LeafNode.Port != 0 || len(o.Routes) > 0 || len(o.LeafNode.Remotes) > 0 || o.Websocket.Port != 0 || o.MQTT.Port != 0:
		return errors.New("the configuration asks for a cluster, a gateway, leaf nodes, web sockets or MQTT: run a NATS server of your own for that and name it with --nats")
	case o.NoAuthUser != "":
		return errors.New("no_auth_user gives everybody the rights of one user: give each caller a user of its own")
	case o.NoHeaderSupport:
		return errors.New("no_header_support would drop the codes of refusals: leave it out")
	case !isLoopback(o.Host) && (!users || !tls):
		return fmt.Errorf("%s is reachable from other machines, and needs both users and TLS: give a file with accounts or users and a tls block with --nats-config "+
			"(deploy/nats.conf is one to start from), listen on 127.0.0.1, or run a NATS server of your own and name it with --nats", o.Host)
	}
	return nil
}

// checkConfigSecrets refuses a configuration whose secrets others of this machine may read: files with passwords in them, and keys of certificates.
func checkConfigSecrets(file string) error {
	values, err := natsconf.ParseFileWithChecks(file)
	if err != nil {
		return err
	}
	return eachSetting(values, func(key, value, source string) error {
		switch key {
		case "key_file":
			_, err := SecretFile(value)
			return err
		case "password", "pass", "token", "key", "ek", "encryption_key", "prev_key", "prev_ek", "prev_encryption_key": // the last are of JetStream's files
			if source == "" {
				source = file
			}
			if info, err := os.Stat(source); err != nil || info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
				return fmt.Errorf("%s holds a password or a key, and others can read it: chmod 600 %s, or use nkeys for users, whose public half may be seen", source, source)
			}
		}
		return nil
	})
}

// eachSetting calls f with every setting of a parsed NATS configuration that is a text: its name in lower case, and the file it stands in.
func eachSetting(v any, f func(key, value, source string) error) error {
	return eachSettingOf("", v, "", f)
}

func eachSettingOf(key string, v any, source string, f func(key, value, source string) error) error {
	if token, is := v.(interface {
		Value() any
		SourceFile() string
	}); is {
		v, source = token.Value(), token.SourceFile()
	}
	switch v := v.(type) {
	case string:
		return f(strings.ToLower(key), v, source)
	case []any:
		for _, one := range v {
			if err := eachSettingOf(key, one, source, f); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, one := range v {
			if err := eachSettingOf(name, one, source, f); err != nil {
				return err
			}
		}
	}
	return nil
}
