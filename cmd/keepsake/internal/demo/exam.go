package demo

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/keepsake-go/sessions"
)

// question is one of the exam's.
type question struct {
	Text    string
	Answers []string
	right   int
}

func questions() []question {
	return []question{
		{"Which call ends a session at logout?", []string{"CycleKey", "Flush", "Clear"}, 1},
		{"What does set_expiry(0) mean?", []string{"It has expired", "It never expires", "It ends with the browser"}, 2},
		{"What makes the window slide?", []string{"SESSION_SAVE_EVERY_REQUEST", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_NAME"}, 0},
	}
}

// examView is the exam as the page shows it.
type examView struct {
	Number   int       // of the question, from 1
	Total    int       // of questions
	Question *question // nil when all are answered
	Right    int       // answers so far
}

func newExamView(answers []int) examView {
	all := questions()
	view := examView{Number: len(answers) + 1, Total: len(all)}
	for i, answer := range answers {
		if i < len(all) && answer == all[i].right {
			view.Right++
		}
	}
	if len(answers) < len(all) {
		view.Question = &all[len(answers)]
	}
	return view
}

// exam takes an answer. The form says to which question, so that one that is
// sent twice counts once.
func (site *Site) exam(w http.ResponseWriter, r *http.Request, s *sessions.Session) {
	if r.PostFormValue("restart") != "" {
		s.Delete("exam_answers")
		back(w, r, s, "The exam begins again.", "exam")
		return
	}
	all := questions()
	number, err := strconv.Atoi(r.PostFormValue("question"))
	answer, answerErr := strconv.Atoi(r.PostFormValue("answer"))
	if err != nil || answerErr != nil || number < 1 || number > len(all) ||
		answer < 0 || answer >= len(all[number-1].Answers) {
		http.Error(w, "question and answer: numbers of the form, please", http.StatusBadRequest)
		return
	}
	sessions.Update(s, "exam_answers", func(answers []int) []int {
		if len(answers) != number-1 {
			return answers
		}
		return append(slices.Clip(answers), answer)
	})
	back(w, r, s, "Answer "+strconv.Itoa(number)+" is saved.", "exam")
}
