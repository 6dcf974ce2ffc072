module github.com/tenonsync/tenon

go 1.26
