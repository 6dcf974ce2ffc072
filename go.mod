module github.com/tenonsync/tenon

go 1.26

require (
	github.com/andygrunwald/go-jira v1.17.0 // indirect
	github.com/cockroachdb/apd/v3 v3.2.1 // indirect
	github.com/expr-lang/expr v1.17.6 // indirect
	github.com/fatih/structs v1.1.0 // indirect
	github.com/goccy/go-yaml v1.18.0 // indirect
	github.com/golang-jwt/jwt/v4 v4.5.2 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/google/go-querystring v1.1.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/trivago/tgo v1.0.7 // indirect
	github.com/yuin/goldmark v1.7.13 // indirect
	golang.org/x/net v0.46.0 // indirect
	golang.org/x/oauth2 v0.30.0 // indirect
	pgregory.net/rapid v1.2.0 // indirect
)
