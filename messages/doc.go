// Package messages is Django's messages framework on a session: one-time notices,
// such as "Your profile was saved.", that the next page shows and nobody sees
// twice.
//
//	messages.Success(s, "Your profile was saved.")   // in the handler that saves
//
//	list, err := messages.Take(ctx, s)               // in the one that renders a page
//
// They lie in the session as Django's SessionStorage keeps them, so that a message
// of a Go handler is shown by a Django view, and the other way round. The Django
// needs
//
//	MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
//
// since its default keeps messages in a cookie of their own, and looks into the
// session only for those that the cookie had no room for.
//
// # The words
//
//	Add, Debug, Info, Success, Warning, Error   messages.add_message, .debug, .info …
//	Take                                        get_messages, iterated
//	Peek, Count                                 storage._loaded_messages, len(storage)
//	Message.ExtraTags, Tags                     extra_tags, tags
//	Message.Safe                                mark_safe
//
// # What to know
//
//   - Parallel requests that add messages lose none, and a message that two pages
//     want to show at once is shown by one of them. (A stock Django's save still
//     overwrites what others have stored meanwhile.)
//   - Add records every level. Django's MESSAGE_LEVEL drops what is below INFO.
package messages
