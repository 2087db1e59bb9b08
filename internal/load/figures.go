package load

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// figures are a server's own, which it serves for Prometheus: for one on another machine.
type figures struct{ url string }

func (f figures) cpu() (time.Duration, error) {
	v, err := f.value("process_cpu_seconds_total")
	return time.Duration(v * float64(time.Second)), err
}

func (f figures) rss() (int64, error) {
	v, err := f.value("process_resident_memory_bytes")
	return int64(v), err
}

// value fetches one figure, which has no labels.
func (f figures) value(name string) (float64, error) {
	c := http.Client{Timeout: 10 * time.Second}
	defer c.CloseIdleConnections()
	resp, err := c.Get(f.url)
	if err != nil {
		return 0, fmt.Errorf("load: the server's figures: %w", err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return 0, fmt.Errorf("load: the server's figures: %s: %w", name, err)
			}
			return v, nil
		}
	}
	return 0, fmt.Errorf("load: the server's figures at %s: status %s, and no %s among them", f.url, resp.Status, name)
}
