// Package github connects Tenon to GitHub: the issues and milestones of a
// repository, at github.com, GHE.com and Enterprise Server.
//
// # API
//
// REST version 2022-11-28, through go-github where that knows the endpoint, and
// GraphQL for reading many issues and their comments, for changing several, for
// histories and for deleting. Both are
// served below the one base_url: https://api.github.com, or https://HOST/api/v3
// with GraphQL at https://HOST/api/graphql.
//
// # Credentials
//
// A token (fine-grained, classic, or of an OAuth app), or a GitHub App: its
// private key signs a JWT of ten minutes, which fetches an installation token of
// an hour, once for all callers.
//
// # Names
//
// A record's id is the repository's id and the record's number in it,
// "186853002-17". Both stay when people rename the repository. A transfer gives
// an issue another repository, number and id; the old id then reads as merged
// into the new one.
//
// # Habits that shape the code
//
//   - The list of issues holds pull requests and, unless told otherwise, open
//     issues only. Pages are not numbered: each begins at the time where the last
//     one ended, so that an issue that is edited meanwhile pushes none aside. An
//     unchanged list costs nothing (304).
//   - Times are whole seconds, so an issue's version is a hash of what it holds.
//   - There is no idempotency key. A create carries a hidden comment at the end
//     of the body, which reads leave out and writes keep. It is looked up in the
//     list of issues, never by search, whose index lags.
//   - GitHub drops labels, assignees and milestones without a word for who may
//     not set them. Each answer is compared with what was sent.
//   - A reason for closing is heard only when the state changes, so another
//     reason takes a reopening in between.
//   - Redirects of writes are never followed: net/http would turn a PATCH of a
//     transferred issue into a GET.
//   - Pull requests are issues to GitHub, but no records here.
//
// Facts are from GitHub's OpenAPI description (@octokit/openapi 23.0.2), its
// documentation and the source of go-github v60, read on 2026-11-21.
package github
