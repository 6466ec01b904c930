package csrf_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"

	"github.com/keepsake-go/sessions"
	"github.com/keepsake-go/sessions/csrf"
	"github.com/keepsake-go/sessions/engine"
)

var page = template.Must(template.New("").Parse(`<form method="post">{{.}}<button>Buy</button></form>`))

// A form, and the handler that it is posted to.
func Example() {
	st := sessions.DefaultSettings()
	st.SecretKey = "a secret key for this example, and only for this example"
	m, err := sessions.New(st, engine.Memory())
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := csrf.New(m, csrf.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		field, err := csrf.Field(r)
		if err != nil {
			m.Error(w, r, err)
			return
		}
		_ = page.Execute(w, field)
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Thank you.") })
	site := m.Handler(p.Handler(mux))

	form := httptest.NewRecorder()
	site.ServeHTTP(form, httptest.NewRequest("GET", "https://example.com/", nil))
	token := regexp.MustCompile(`value="(\w+)"`).FindStringSubmatch(form.Body.String())[1]
	for _, value := range []string{token, "guessed"} {
		r := httptest.NewRequest("POST", "https://example.com/", strings.NewReader(url.Values{csrf.FieldName: {value}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://example.com")
		r.AddCookie(form.Result().Cookies()[0])
		answer := httptest.NewRecorder()
		site.ServeHTTP(answer, r)
		fmt.Println(answer.Code, strings.TrimSpace(answer.Body.String()))
	}
	// Output:
	// 200 Thank you.
	// 403 CSRF verification failed. Request aborted.
}
