package transport

// FieldWords returns the words that a field of a command may have, as people read them; empty for a field that is free.
func FieldWords(of, name string) string {
	var words string
	seen := map[*message]bool{}
	var visit func(m *message)
	visit = func(m *message) {
		if m == nil || seen[m] {
			return
		}
		seen[m] = true
		for i := range m.fields {
			if m.name == of && m.fields[i].name == name {
				words = m.fields[i].words
			}
			visit(m.fields[i].sub)
		}
	}
	visit(batchMessage)
	visit(listMessage)
	visit(kpisMessage)
	for _, m := range walletMessages {
		visit(m)
	}
	return words
}
