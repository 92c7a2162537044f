package client

// SendersMax is sendersMax.
const SendersMax = sendersMax

// Senders returns how many events c remembers.
func Senders(c *Client) int {
	c.sendersMu.RLock()
	defer c.sendersMu.RUnlock()
	return len(c.senders)
}
