package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// A Log says what is logged, and in which form.
type Log struct {
	Level slog.Level
	JSON  bool
}

// UnmarshalText reads a level's name, with ",json" behind it for that form.
func (l *Log) UnmarshalText(text []byte) error {
	name, form, found := strings.Cut(string(text), ",")
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[name]
	if !ok || found && form != "json" {
		return fmt.Errorf(`%q is not debug, info, warn or error, nor one of them with ",json"`, text)
	}
	*l = Log{Level: level, JSON: found}
	return nil
}

// Logger makes the logger that writes to w.
func (l Log) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.JSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
