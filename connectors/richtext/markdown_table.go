package richtext

import (
	"slices"
	"strings"
)

// boxOf returns the box that an item of a task list begins with, as Markdown
// writes it, and the item without it.
func boxOf(item []block) (string, []block) {
	if len(item) == 0 || item[0].kind != paragraph || len(item[0].inline) < 3 || !item[0].inline[1].isSpace() {
		return "", item
	}
	var box string
	switch item[0].inline[0] {
	case token{openBox, style{}}:
		box = "[ ] "
	case token{tickedBox, style{}}:
		box = "[x] "
	default:
		return "", item
	}
	item = slices.Clone(item)
	item[0].inline = item[0].inline[2:]
	return box, item
}

func tableMarkdown(rows [][][]token) string {
	var b strings.Builder
	for i, row := range rows {
		for _, cell := range row {
			b.WriteString("| " + withBars(inlineMarkdown(cell, true)) + " ")
		}
		b.WriteString("|")
		if i == 0 {
			b.WriteString("\n" + strings.Repeat("| --- ", len(row)) + "|")
		}
		if i+1 < len(rows) {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// withBars puts a backslash before each bar that has none.
func withBars(cell string) string {
	if !strings.Contains(cell, "|") {
		return cell
	}
	var b strings.Builder
	for i := range len(cell) {
		if cell[i] == '|' && (i == 0 || cell[i-1] != '\\') {
			b.WriteByte('\\')
		}
		b.WriteByte(cell[i])
	}
	return b.String()
}
