package hashers

import "testing"

// Every character comes equally often: of 62,000 draws each gets 1,000, give or
// take 200, which is more than six standard deviations. Drawing a byte modulo 62
// would give eight of them a quarter more.
func TestRandomString(t *testing.T) {
	counts := map[rune]int{}
	for _, c := range randomString(62_000) {
		counts[c]++
	}
	if len(counts) != len(alphabet) || len(alphabet) != 62 {
		t.Fatalf("%d different characters", len(counts))
	}
	for _, c := range alphabet {
		if counts[c] < 800 || counts[c] > 1200 {
			t.Errorf("%c came %d times in 62,000", c, counts[c])
		}
	}
}
