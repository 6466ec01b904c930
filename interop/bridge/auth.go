package main

import (
	"github.com/keepsake-go/sessions/auth"
)

func authHash(b *bridge, r *request) (string, error) {
	key := b.site.settings.SecretKey
	if !r.null("key") {
		key = r.bytes("key")
	}
	return quoted(auth.SessionHash(key, r.text("password"))), nil
}

func authLogin(_ *bridge, h *handle, r *request) (string, error) {
	id := auth.Identity{UserID: r.text("user_id"), Backend: r.text("backend"), Hash: r.text("hash")}
	return null, auth.SessionLogin(ctx, h.Session, id, nil)
}

func authIDs(_ *bridge, h *handle, _ *request) (string, error) {
	id, found, err := auth.SessionIdentity(h.Session)
	if err != nil || !found {
		return null, err
	}
	return `{"user_id":` + quoted(id.UserID) + `,"backend":` + quoted(id.Backend) + `}`, nil
}

var verdicts = map[auth.Verdict]string{auth.Verified: `"ok"`, auth.Renewed: `"rotated"`, auth.Ended: `"flushed"`}

func authCheck(_ *bridge, h *handle, r *request) (string, error) {
	verdict, err := auth.SessionVerify(ctx, h.Session, r.text("hash"), r.texts("fallbacks"))
	return verdicts[verdict], err
}

func authUpdate(_ *bridge, h *handle, r *request) (string, error) {
	if !r.null("hash") {
		return null, auth.SessionUpdateHash(ctx, h.Session, r.text("hash"))
	}
	if err := h.Load(ctx); err != nil {
		return "", err
	}
	return null, h.CycleKey(ctx)
}
