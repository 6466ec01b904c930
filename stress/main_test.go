package stress

import (
	"fmt"
	"os"
	"testing"

	"github.com/keepsake-go/sessions/internal/testserver"
)

// TestMain is also the application's main, in the processes that the tests start.
func TestMain(m *testing.M) {
	if text := os.Getenv(workerVariable); text != "" {
		fmt.Fprintln(os.Stderr, "stress worker:", work(text))
		os.Exit(1)
	}
	status := testserver.Main(m).Run()
	table.print()
	os.Exit(status)
}

// full is whether everything is run, as make stress does.
func full() bool { return os.Getenv("KEEPSAKE_STRESS") == "1" && !testing.Short() }

// size is how much there is of something, in full and in short.
func size(full_, short int) int {
	if full() {
		return full_
	}
	return short
}
