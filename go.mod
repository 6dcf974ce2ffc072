module github.com/tenonsync/tenon

go 1.26

require (
	github.com/cockroachdb/apd/v3 v3.2.1 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
)
