package sessions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// TestSecurity08_ComparisonsTakeConstantTime: whatever compares a signature or a
// hash does so with a function made for it. (How long these take is Go's to test.)
func TestSecurity08_ComparisonsTakeConstantTime(t *testing.T) {
	for _, row := range []struct{ file, function string }{
		{"signing/hmac.go", "verify"},
		{"codec/signed.go", "unsignSHA1"},
		{"auth/identity.go", "equal"},
		{"auth/hashers/argon2.go", ""},
		{"auth/hashers/md5.go", ""},
		{"auth/hashers/pbkdf2.go", ""},
		{"auth/hashers/scrypt.go", ""},
	} {
		file, err := parser.ParseFile(token.NewFileSet(), row.file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		constant, found := 0, row.function == ""
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || row.function != "" && f.Name.Name != row.function {
				continue
			}
			found = true
			ast.Inspect(f, func(n ast.Node) bool {
				switch call, _ := n.(*ast.SelectorExpr); {
				case call == nil:
				case call.Sel.Name == "ConstantTimeCompare", call.Sel.Name == "Equal" && isIdent(call.X, "hmac"):
					constant++
				case call.Sel.Name == "Equal" && isIdent(call.X, "bytes"), call.Sel.Name == "Compare":
					t.Errorf("%s: %s compares with %s", row.file, f.Name.Name, call.Sel.Name)
				}
				return true
			})
		}
		if !found || constant == 0 {
			t.Errorf("%s: nothing compares in constant time (%s found: %v)", row.file, row.function, found)
		}
	}
}

func isIdent(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}
