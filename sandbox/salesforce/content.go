package salesforce

import (
	"crypto/md5" //nolint:gosec // Salesforce's Checksum is MD5
	"encoding/base64"
	"encoding/hex"
	"path"
	"strings"
	"unicode"
)

// maxJSONFile is the largest file that may be sent as text in JSON, in bytes of
// base64.
const maxJSONFile = 50 << 20

// prepareVersion fills in what follows from a file's content.
func (s *System) prepareVersion(r *record, before, full map[string]value) *apiError {
	if before != nil {
		return nil
	}
	data := text(full["VersionData"])
	name := text(full["PathOnClient"])
	if data == "" && full["ContentUrl"] == nil {
		return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [VersionData]").on("VersionData")
	}
	if name == "" && full["ContentUrl"] == nil {
		return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [PathOnClient]").on("PathOnClient")
	}
	if len(data) > maxJSONFile {
		return refuse("STRING_TOO_LONG", "Version Data: data value too large (max length=%d)", maxJSONFile).on("VersionData")
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return jsonFault("Cannot deserialize instance of base64Binary from VALUE_STRING value")
	}
	sum := md5.Sum(raw) //nolint:gosec // as above
	extension := strings.TrimPrefix(path.Ext(name), ".")
	if full["Title"] == nil {
		full["Title"] = strings.TrimSuffix(path.Base(name), path.Ext(name))
	}
	full["FileExtension"], full["FileType"] = joined(extension), "UNKNOWN"
	if extension != "" {
		full["FileType"] = strings.ToUpper(extension)
	}
	if full["ContentUrl"] != nil {
		full["FileType"] = "LINK"
	}
	full["ContentSize"], full["Checksum"] = number(itoa(len(raw))), hex.EncodeToString(sum[:])
	full["IsLatest"], full["VersionNumber"] = true, "1"
	return nil
}

// afterVersion makes the document of a first version with its links, or makes
// the version the document's latest.
func (t *tx) afterVersion(v *record) *apiError {
	s := t.s
	about := map[string]value{
		"Title": v.values["Title"], "LatestPublishedVersionId": v.id, "FileType": v.values["FileType"], "FileExtension": v.values["FileExtension"],
		"ContentSize": v.values["ContentSize"], "PublishStatus": "P", "Description": v.values["Description"],
	}
	if doc := s.find(v.text("ContentDocumentId")); doc != nil {
		n := 1
		for _, other := range s.rows(v.object, false, false) {
			if other != v && other.text("ContentDocumentId") == doc.id {
				n++
				if other.flag("IsLatest") {
					t.touchUp(other, map[string]value{"IsLatest": false})
				}
			}
		}
		t.set(v, merged(v.values, map[string]value{"VersionNumber": itoa(n)}))
		t.touchUp(doc, about)
		return nil
	}
	o := s.object("ContentDocument")
	o.nextID++
	doc := t.document(newID(o.prefix, o.nextID), about)
	t.set(v, merged(v.values, map[string]value{"ContentDocumentId": doc.id}))
	if err := t.link(doc, t.user, "I"); err != nil {
		return err
	}
	if to := v.text("FirstPublishLocationId"); to != "" && to != t.user {
		return t.link(doc, to, "V")
	}
	return nil
}

// document makes a ContentDocument, which clients cannot.
func (t *tx) document(id string, about map[string]value) *record {
	o := t.s.object("ContentDocument")
	doc := &record{object: o, id: id, values: map[string]value{}}
	for _, f := range o.fields {
		doc.values[f.name] = f.start()
	}
	doc.values = merged(doc.values, about)
	for name, v := range map[string]value{
		"Id": doc.id, "OwnerId": t.user, "CreatedById": t.user, "LastModifiedById": t.user, "CreatedDate": t.at, "LastModifiedDate": t.at, "SystemModstamp": t.at,
	} {
		doc.values[name] = v
	}
	t.put(doc)
	return doc
}

func (t *tx) link(doc *record, to, share string) *apiError {
	api := t.api
	t.api = false // the system does it
	defer func() { t.api = api }()
	_, err := t.insert(t.s.object("ContentDocumentLink"), map[string]value{
		"ContentDocumentId": doc.id, "LinkedEntityId": to, "ShareType": share, "Visibility": "AllUsers",
	})
	return err
}

// prepareNote checks the content of a note, which is HTML.
func prepareNote(full map[string]value) *apiError {
	raw, err := base64.StdEncoding.DecodeString(text(full["Content"]))
	if err != nil {
		return jsonFault("Cannot deserialize instance of base64Binary from VALUE_STRING value")
	}
	body := string(raw)
	if strings.ContainsFunc(body, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }) || strings.Contains(strings.ToLower(body), "<script") {
		return refuse("FIELD_INTEGRITY_EXCEPTION", "Note can't be saved because it contains HTML tags or unescaped characters that are not allowed in a Note.")
	}
	plain := strings.Join(strings.Fields(tagShape.ReplaceAllString(body, " ")), " ")
	if runes := []rune(plain); len(runes) > 255 {
		plain = string(runes[:255])
	}
	full["TextPreview"], full["FileType"] = joined(plain), "SNOTE"
	return nil
}

// afterNote keeps the document that the note is, too: both have one id.
func (t *tx) afterNote(note *record, fresh bool) *apiError {
	about := map[string]value{"Title": note.values["Title"], "FileType": "SNOTE", "PublishStatus": "P"}
	if !fresh {
		if doc := t.s.find(note.id); doc != nil {
			t.touchUp(doc, about)
		}
		return nil
	}
	return t.link(t.document(note.id, about), t.user, "I")
}
