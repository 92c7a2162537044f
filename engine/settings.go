package engine

import (
	"encoding/binary"
	"slices"
	"strings"
)

// NodeSettingsMax is how many settings a node keeps: a few for each payment gateway.
const NodeSettingsMax = 1024

// The settings of a node. A lane's rate is named after its gateway: see [LaneRateSetting].
const (
	SettingOneClickOn    = "one_click.on"    // 1 if one-click checkout is on, 0 if not: the default is on
	SettingOneClickShare = "one_click.share" // of buyers, in hundredths of a percent. It never shrinks once it was set; the default is all
)

// AllBuyers is all buyers, in hundredths of a percent.
const AllBuyers = 10_000

// LaneRateSetting names the setting of a lane's rate, in thousandths of a call a second.
func LaneRateSetting(gateway string) string { return "lane." + gateway + ".rate" }

// setting is one of the node's, as operators have set it.
type setting struct {
	name  string
	value int64
}

// Set notes a setting of the node at node time at, and appends the fact to facts. It appends nothing, and returns false, if the name is no id with dots
// of at most twice IDLenMax bytes, if the value is negative, if the share of one-click checkout would shrink or is above AllBuyers, or if there are
// [NodeSettingsMax] settings already.
//
//	| 26 | name | value |
func (n *Node) Set(name string, value int64, at Instant, facts *Facts) bool {
	if !n.fitsSetting(name, value) || at > instantMax {
		return false
	}
	facts.Buf = appendString(append(facts.Buf, byte(kindSetting)), name)
	facts.Buf = binary.AppendUvarint(facts.Buf, uint64(value))
	facts.Count++
	n.applySetting(strings.Clone(name), value, max(at, n.lastAt))
	return true
}

// Setting returns a setting of the node, and false if nobody has set it.
func (n *Node) Setting(name string) (int64, bool) {
	if i, ok := n.findSetting(name); ok {
		return n.settings[i].value, true
	}
	return 0, false
}

// OneClick is what is set for one-click checkout everywhere.
func (n *Node) OneClick() (on bool, share int64) {
	on, share = true, AllBuyers
	if v, ok := n.Setting(SettingOneClickOn); ok {
		on = v != 0
	}
	if v, ok := n.Setting(SettingOneClickShare); ok {
		share = v
	}
	return on, share
}

func (n *Node) findSetting(name string) (int, bool) {
	return slices.BinarySearchFunc(n.settings, name, func(s setting, name string) int { return strings.Compare(s.name, name) })
}

// settingMax is the largest value: what the log can say.
const settingMax = 1 << 62

func (n *Node) fitsSetting(name string, value int64) bool {
	if name == "" || len(name) > 2*IDLenMax || value < 0 || value > settingMax {
		return false
	}
	for part := range strings.SplitSeq(name, ".") {
		if !ValidID(part) {
			return false
		}
	}
	i, known := n.findSetting(name)
	switch {
	case name == SettingOneClickOn && value > 1:
		return false
	case name == SettingOneClickShare && (value > AllBuyers || known && value < n.settings[i].value):
		return false
	}
	return known || len(n.settings) < NodeSettingsMax
}

func (n *Node) applySetting(name string, value int64, at Instant) {
	n.seq++
	n.lastAt = at
	i, known := n.findSetting(name)
	if !known {
		n.settings = slices.Insert(n.settings, i, setting{name: name})
	}
	n.settings[i].value = value
}

// foldSetting applies the rest of a fact of a setting.
func (n *Node) foldSetting(d *decoder, at Instant) error {
	name, value := strings.Clone(d.string(2*IDLenMax)), int64(d.uint(settingMax))
	if d.what == "" && !n.fitsSetting(name, value) {
		d.fail("a setting that cannot be")
	}
	if err := d.err(); err != nil {
		return err
	}
	n.applySetting(name, value, max(at, n.lastAt))
	return nil
}

// appendSettings appends what a snapshot keeps of the settings: | n | n times: name, value |
func (n *Node) appendSettings(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(n.settings)))
	for _, s := range n.settings {
		dst = binary.AppendUvarint(appendString(dst, s.name), uint64(s.value))
	}
	return dst
}

func (n *Node) openSettings(d *decoder) {
	for range d.count(NodeSettingsMax, 2) {
		s := setting{name: strings.Clone(d.string(2 * IDLenMax)), value: int64(d.uint(1 << 62))}
		if d.what == "" && (!n.fitsSetting(s.name, s.value) || len(n.settings) > 0 && n.settings[len(n.settings)-1].name >= s.name) {
			d.fail("a setting that cannot be, or out of order")
		}
		if d.what != "" {
			return
		}
		n.settings = append(n.settings, s)
	}
}
