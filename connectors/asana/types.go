package asana

import "encoding/json"

// wireNamed is a compact object: a user, a tag, a section, a project.
type wireNamed struct {
	GID   string `json:"gid"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// told is a member of an answer that may be missing, null, or there.
type told[T any] struct {
	there bool // in the answer
	null  bool
	v     T
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *told[T]) UnmarshalJSON(raw []byte) error {
	t.there = true
	if string(raw) == "null" {
		t.null = true
		return nil
	}
	return json.Unmarshal(raw, &t.v)
}

type wireMembership struct {
	Project wireNamed  `json:"project"`
	Section *wireNamed `json:"section"`
}

// wireParent is a task above another one, with those above it as far as they are
// asked for.
type wireParent struct {
	GID         string           `json:"gid"`
	Name        string           `json:"name"`
	Memberships []wireMembership `json:"memberships"`
	Parent      *wireParent      `json:"parent"`
}

// wireTask is a task as opt_fields make it.
type wireTask struct {
	GID         string            `json:"gid"`
	Name        told[string]      `json:"name"`
	HTMLNotes   told[string]      `json:"html_notes"`
	Subtype     told[string]      `json:"resource_subtype"`
	Approval    told[string]      `json:"approval_status"`
	Completed   told[bool]        `json:"completed"`
	CompletedAt told[string]      `json:"completed_at"`
	CompletedBy told[wireNamed]   `json:"completed_by"`
	CreatedAt   string            `json:"created_at"`
	CreatedBy   told[wireNamed]   `json:"created_by"`
	ModifiedAt  string            `json:"modified_at"`
	DueOn       told[string]      `json:"due_on"`
	DueAt       told[string]      `json:"due_at"`
	StartOn     told[string]      `json:"start_on"`
	StartAt     told[string]      `json:"start_at"`
	Assignee    told[wireNamed]   `json:"assignee"`
	Followers   told[[]wireNamed] `json:"followers"`
	Tags        told[[]wireNamed] `json:"tags"`
	Memberships []wireMembership  `json:"memberships"`
	Parent      told[wireParent]  `json:"parent"`
	Subtasks    told[json.Number] `json:"num_subtasks"`
	Link        string            `json:"permalink_url"`
	Fields      []wireValue       `json:"custom_fields"`
}

// wireDate is the value of a date field.
type wireDate struct {
	Date     string `json:"date"`
	DateTime string `json:"date_time"`
}

// wireValue is a custom field with its value on a task.
type wireValue struct {
	GID     string            `json:"gid"`
	Text    told[string]      `json:"text_value"`
	Number  told[json.Number] `json:"number_value"`
	Enum    told[wireNamed]   `json:"enum_value"`
	Multi   told[[]wireNamed] `json:"multi_enum_values"`
	Date    told[wireDate]    `json:"date_value"`
	People  told[[]wireNamed] `json:"people_value"`
	Display told[string]      `json:"display_value"`
}

// wireField is the definition of a custom field.
type wireField struct {
	GID       string       `json:"gid"`
	Name      string       `json:"name"`
	Subtype   string       `json:"resource_subtype"`
	Shows     string       `json:"representation_type"`
	Precision int          `json:"precision"`
	Format    string       `json:"format"`
	Formula   bool         `json:"is_formula_field"`
	ReadOnly  bool         `json:"is_value_read_only"`
	Options   []wireOption `json:"enum_options"`
}

type wireOption struct {
	GID     string `json:"gid"`
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// wireProject is a project as opt_fields make it.
type wireProject struct {
	GID        string          `json:"gid"`
	Name       told[string]    `json:"name"`
	HTMLNotes  told[string]    `json:"html_notes"`
	Archived   told[bool]      `json:"archived"`
	Completed  told[bool]      `json:"completed"`
	DueOn      told[string]    `json:"due_on"`
	StartOn    told[string]    `json:"start_on"`
	Owner      told[wireNamed] `json:"owner"`
	Team       told[wireNamed] `json:"team"`
	Color      told[string]    `json:"color"`
	Privacy    told[string]    `json:"privacy_setting"`
	CreatedAt  string          `json:"created_at"`
	ModifiedAt string          `json:"modified_at"`
	Link       string          `json:"permalink_url"`
	Workspace  wireNamed       `json:"workspace"`
}

// wireStory is a comment, or what Asana noted about a change.
type wireStory struct {
	GID       string            `json:"gid"`
	Subtype   string            `json:"resource_subtype"`
	Type      string            `json:"type"`
	CreatedAt string            `json:"created_at"`
	CreatedBy *wireNamed        `json:"created_by"`
	HTML      string            `json:"html_text"`
	NewName   told[string]      `json:"new_name"`
	NewDates  *wireStoryDates   `json:"new_dates"`
	Assignee  *wireNamed        `json:"assignee"`
	Section   *wireNamed        `json:"new_section"`
	Project   *wireNamed        `json:"project"`
	Field     *wireNamed        `json:"custom_field"`
	Text      told[string]      `json:"new_text_value"`
	Number    told[json.Number] `json:"new_number_value"`
	Enum      told[wireNamed]   `json:"new_enum_value"`
	Multi     told[[]wireNamed] `json:"new_multi_enum_values"`
	People    told[[]wireNamed] `json:"new_people_value"`
	Date      *wireStoryDates   `json:"new_date_value"`
}

type wireStoryDates struct {
	StartOn string `json:"start_on"`
	DueOn   string `json:"due_on"`
	DueAt   string `json:"due_at"`
}

// wireJob is a job under way.
type wireJob struct {
	GID     string     `json:"gid"`
	Status  string     `json:"status"`
	Project *wireNamed `json:"new_project"`
}

// wireAttachment is a file or a link.
type wireAttachment struct {
	GID       string  `json:"gid"`
	Name      string  `json:"name"`
	Subtype   string  `json:"resource_subtype"`
	CreatedAt string  `json:"created_at"`
	Download  *string `json:"download_url"`
	Permanent *string `json:"permanent_url"`
	View      *string `json:"view_url"`
	Host      string  `json:"host"`
	Size      *int64  `json:"size"`
}
