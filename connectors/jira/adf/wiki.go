package adf

// FromWiki returns the document of a text in wiki markup.
func FromWiki(wiki string) *Node { return FromText(wiki) }

// Wiki returns the document in wiki markup.
func (n *Node) Wiki() string { return n.PlainText() }
