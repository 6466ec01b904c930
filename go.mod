module github.com/keepsake-go/sessions

go 1.26
