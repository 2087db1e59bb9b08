package chat

import (
	"testing"
	"testing/synctest"
	"time"
)

// A table stays as large as it may get, whoever comes by, and forgets nobody
// who still lacks something.
func TestTableIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := NewTable[int](Rate{PerSecond: 1, Burst: 2})
		table.most = 1000
		table.Take(-1)
		table.Take(-1)
		for i := range 5000 {
			table.Take(i)
		}
		if n := len(table.m); n != 1000 {
			t.Errorf("%d are kept", n)
		}
		if table.Take(-1) == 0 {
			t.Error("one that had spent everything was forgotten")
		}
		if table.Take(9999) == 0 {
			t.Error("strangers for whom there is no place share one bucket, which is empty")
		}
		if wait := table.wait(9999); wait == 0 {
			t.Error("and are told so")
		}
		time.Sleep(2 * time.Second)
		for i := range 2000 {
			if table.Take(10_000+i) > 0 && i < 500 {
				t.Fatalf("no place for stranger %d, though all are full again", i)
			}
		}
		if n := len(table.m); n > 1000 {
			t.Errorf("%d are kept", n)
		}
	})
}

func TestNoRate(t *testing.T) {
	table := NewTable[int](Rate{})
	for range 1000 {
		table.owe(1)
		if table.Take(1) > 0 || table.reserve(1, 0) > 0 || table.wait(1) > 0 {
			t.Fatal("where there is no rate one must wait")
		}
	}
	table.giveBack(1)
	if len(table.m) > 0 {
		t.Error("where there is no rate somebody is remembered")
	}
}
