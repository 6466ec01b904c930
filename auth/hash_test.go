package auth_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/keepsake-go/sessions/auth"
)

// Hashes that real Djangos computed.
func TestSessionHashVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	check(t, err)
	var file struct {
		Cases []struct {
			ID string
			In struct {
				Password  string
				SecretKey string `json:"secret_key"`
			}
			Out      struct{ Hash string }
			Versions []string
		}
	}
	check(t, json.Unmarshal(text, &file))
	if len(file.Cases) < 10 {
		t.Fatalf("%d vectors", len(file.Cases))
	}
	for _, c := range file.Cases {
		equal(t, c.ID, auth.SessionHash(c.In.SecretKey, c.In.Password), c.Out.Hash)
	}
}
