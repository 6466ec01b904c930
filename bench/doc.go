// Command bench measures Keepsake beside alexedwards/scs, gorilla/sessions and a
// real Django under gunicorn: on the same servers, with the same session and the
// same workloads, by turns in one run. It prints ratios with their spread, beside
// the targets, and the limits below: the bare handler, and one statement by the
// same driver.
//
//	go run ./bench -quick                 # less than five minutes
//	go run ./bench                        # everything
//	go run ./bench -only B,C -on sqlite   # some of it
//	go run ./bench -write docs            # also writes docs/benchmarks.md and its plots
//
// Times on a shared machine are noisy, so nothing is compared across runs: in each
// round every contestant has its turn, in an order that changes, and a ratio is
// made within a round. What is reported is the median of the rounds' ratios, with
// the smallest and the largest.
package main
