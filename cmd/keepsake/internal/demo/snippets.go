package demo

// snippet is one lesson's code: what the demo does, and how Django does it.
type snippet struct{ Go, Django string }

// code returns a lesson's snippet. A test finds every line of Go in the demo's
// own source.
func code(lesson string) snippet { return snippets()[lesson] }

func snippets() map[string]snippet {
	return map[string]snippet{
		"color": {
			Go: `color := sessions.Get(s, "favorite_color", "red")
s.Set("favorite_color", color)`,
			Django: `color = request.session.get("favorite_color", "red")
request.session["favorite_color"] = color`,
		},
		"visits": {
			Go: `sessions.Update(s, "visit_count", func(n int) int { return n + 1 })
err := s.Save(r.Context())`,
			Django: `n = request.session.get("visit_count", 0)
request.session["visit_count"] = n + 1
request.session.save()`,
		},
		"login": {
			Go: `s.Set("member_id", ada.id)
err := s.CycleKey(r.Context())
// and to log out
err := s.Flush(r.Context())`,
			Django: `request.session["member_id"] = ada.id
request.session.cycle_key()
# and to log out
request.session.flush()`,
		},
		"exam": {
			Go: `st.CookieAge = exam
st.SaveEveryRequest = true`,
			Django: `SESSION_COOKIE_AGE = 1800
SESSION_SAVE_EVERY_REQUEST = True`,
		},
		"comment": {
			Go: `if sessions.Get(s, "has_commented", false) {
s.Set("has_commented", true)`,
			Django: `if request.session.get("has_commented", False):
request.session["has_commented"] = True`,
		},
		"expiry": {
			Go: `s.ExpireAfter(5 * time.Minute)
s.ExpireAt(site.now().Add(5 * time.Minute))
s.ExpireAtBrowserClose()
s.ExpireByDefault()`,
			Django: `request.session.set_expiry(300)
request.session.set_expiry(timedelta(minutes=5))
request.session.set_expiry(0)
request.session.set_expiry(None)`,
		},
		"flush": {
			Go:     `err := s.Flush(r.Context())`,
			Django: `request.session.flush()`,
		},
	}
}
