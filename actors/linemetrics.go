package actors

// lineMetrics registers what is read of the lines of awake events at each scrape.
func (m *Metrics) lineMetrics(n *Node) {
	m.Gauge("holdfast_line_reveal_wait_seconds", "How long the draw that has waited longest has waited for its root to be published, its public value or its seed; 0 while none waits.",
		func() float64 { longest, _, _ := n.seeds.waits(); return longest.Seconds() })
	m.Counter("holdfast_line_seeds_failed_total", "Seeds of draws that could not be drawn, kept or opened. Any needs an operator: the log names the event.",
		func() uint64 { _, failed, _ := n.seeds.waits(); return failed })
	m.Counter("holdfast_line_seeds_revealed_total", "Seeds of draws that were revealed.", func() uint64 { _, _, revealed := n.seeds.waits(); return revealed })
}
