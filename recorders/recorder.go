// Records what a net/http server receives, a JSON line each, for `emitter contract`.
// Put it beside your receiver (change the package's name to yours), then:
//
//	http.ListenAndServe(":3000", Recorder("captures.jsonl", handler))
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// Recorder writes every request to a file, then hands it to next with its body unread.
func Recorder(path string, next http.Handler) http.Handler {
	const largest = 1 << 20 // bytes of a body that is recorded
	var lock sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, largest+1))
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
		if err == nil && len(body) <= largest {
			headers := [][2]string{{"Host", r.Host}}
			for name, values := range r.Header {
				for _, value := range values {
					if name != "Authorization" && name != "Cookie" {
						headers = append(headers, [2]string{name, value})
					}
				}
			}
			line, _ := json.Marshal(map[string]any{
				"method":     r.Method,
				"url":        r.URL.String(),
				"headers":    headers,
				"bodyBase64": base64.StdEncoding.EncodeToString(body),
				"at":         time.Now().UTC().Format(time.RFC3339Nano),
			})
			lock.Lock()
			if file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
				file.Write(append(line, '\n'))
				file.Close()
			}
			lock.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}
