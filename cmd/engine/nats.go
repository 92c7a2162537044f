package main

import (
	"context"

	"github.com/holdfast-engine/holdfast/transport"
)

// startNATS embeds a NATS server, unless one is named that is there already, and returns how to connect to it.
func (p *process) startNATS() (connect func(transport.Access) (*transport.Connection, error), err error) {
	if url := p.config.natsURL; url != "" {
		p.natsURL = url
		return func(a transport.Access) (*transport.Connection, error) {
			options, err := a.Options(url)
			if err != nil {
				return nil, err
			}
			return transport.Connect(url, options...)
		}, nil
	}
	s, url, err := transport.Embedded(transport.EmbeddedConfig{
		Listen: p.config.listen, ConfigFile: p.config.natsConfig, DataDir: p.config.data, Denied: &p.denied,
	})
	if err != nil {
		return nil, err
	}
	p.onClose("the NATS server", func(context.Context) error {
		s.Shutdown()
		s.WaitForShutdown()
		return nil
	})
	p.natsURL = url
	return func(a transport.Access) (*transport.Connection, error) { return transport.ConnectEmbedded(s, a) }, nil
}

// logDenied logs what the embedded NATS server has denied since the last time. It is called once a second, and no line holds a secret.
func (p *process) logDenied() {
	lines, more := p.denied.Take()
	for _, line := range lines {
		p.config.logger.Warn("NATS denied", "what", line)
	}
	if more > 0 {
		p.config.logger.Warn("NATS denied more", "times", more)
	}
}
