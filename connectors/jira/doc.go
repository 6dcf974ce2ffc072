// Package jira connects Jira Cloud (REST API v3) and Jira Data Center (REST API
// v2). Its one object is "issue", within a scope of a project and, usually, an
// issue type: {project: DELIV, issuetype: Epic}.
//
// # Accounts
//
// Cloud takes an API token with the account's e-mail, or OAuth 2.0 (an app's
// refresh token, or a service account's client credentials) through the
// gateway api.atlassian.com; a token with scopes is accepted at the gateway
// only, so it needs the site's cloud id too. Data Center takes a personal
// access token, or a user's name and password. [developer.atlassian.com,
// "Basic auth for REST APIs", "OAuth 2.0 (3LO) apps", "Implementing OAuth 2.0
// (3LO)", read 2025-12]
//
// Jira answers many calls of refused credentials as if nobody had logged in:
// 200 and nothing to see. The header X-Seraph-LoginReason tells, and on Data
// Center a page of HTML; both count as 401 here, and Check and each walk of
// Changes ask who the account is.
//
// # Searching
//
// The search index runs behind, by seconds to minutes ("Run JQL search query
// using enhanced search", read 2025-12). A date in JQL has the precision of a
// minute and is read in the time zone of the account's profile. So Changes
// asks for all that was updated since the minute, in that zone, that lies an
// overlap before the last walk began; its rows are hints, and Read (bulkfetch
// on Cloud) does not go through the index.
//
// # Writing
//
// PUT of an issue cannot set the status: it is moved through the transitions
// that are open to the account, several if it must be, with the fields that
// their screens ask for. There are no conditional writes and no idempotency
// keys. A create carries its key in the entity property "tenon", in the same
// call; Jira searches properties only for apps that declare them, so FindByKey
// walks the account's own issues, newest first, and compares. Where that is
// not to be had (Data Center) or too slow, the key is a label as well, which
// records do not show; see the setting create_key.
//
// # Gone or hidden
//
// An issue that was deleted and one that the account may not see are the same
// 404. Read asks whether the account still may browse the project: if not, the
// result is a Permission error, else NotFound.
package jira
