package devices

import "github.com/keepsake-go/sessions/internal/secrettest"

// Keys can be recognised in what is logged: see scripts/leaks.
var _ = secrettest.Install()
