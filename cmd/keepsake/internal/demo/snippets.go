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
			Go: `user, err := site.auth.Authenticate(r.Context(), r.PostFormValue("username"), r.PostFormValue("password"))
err = site.auth.Login(r.Context(), s, user)
// and to log out
err := site.auth.Logout(r.Context(), s)`,
			Django: `user = authenticate(request, username=username, password=password)
login(request, user)
# and to log out
logout(request)`,
		},
		"password-change": {
			Go: `changed.Password, err = site.hasher.Make(ctx, fresh)
stored, err := site.members.ReplacePassword(ctx, user, changed.Password)
err := site.auth.UpdateSessionAuthHash(ctx, s, &changed)`,
			Django: `user.set_password(new_password)
user.save()
update_session_auth_hash(request, user)`,
		},
		"devices": {
			Go: `mine, _, err := site.devices.List(r.Context(), user.ID, "")
err := site.devices.Revoke(r.Context(), user.ID, r.PostFormValue("handle"))
ended, err := site.devices.RevokeOthers(r.Context(), user.ID)`,
			Django: `# decode every session that there is
for session in Session.objects.all():
    if session.get_decoded().get("_auth_user_id") == str(user.pk):
        session.delete()`,
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
