package redis

import (
	"crypto/sha1"
	"encoding/hex"
	"testing"
)

func TestScriptSHA1(t *testing.T) {
	sum := sha1.Sum([]byte(swapScript))
	if got := hex.EncodeToString(sum[:]); got != swapSHA1 {
		t.Errorf("the script's SHA-1 is %s", got)
	}
}
