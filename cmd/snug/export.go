package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"strings"

	"snug/internal/chat"
	"snug/internal/config"
	"snug/internal/server"
	"snug/internal/wire"
)

// exportCommand is the subcommand that writes a room's log out.
type exportCommand struct {
	config.Where
	Room   string `required:"" placeholder:"CODE" help:"The room's code."`
	Format string `default:"txt" enum:"jsonl,txt,html" help:"jsonl: every entry, as clients get them; txt, html: what was said (default ${default})."`
}

// Help is what --help says beside the flags.
func (exportCommand) Help() string {
	return `Examples:
  snug export --room KQWERTZA --format html --data /var/lib/snug > room.html
  snug export --room KQWERTZA --format jsonl | jq -r .text

It goes to standard output. The server may be running; messages are written as they are when they are read.`
}

// A writer of one format.
type exporter struct {
	begin func(chat.Room) error
	entry func(*chat.Entry) error
	end   func() error
}

// Run exports.
func (e *exportCommand) Run() error {
	ctx, stop := interruptible()
	defer stop()
	out := bufio.NewWriter(os.Stdout)
	to := map[string]func(io.Writer) exporter{"jsonl": exportJSON, "txt": exportText, "html": exportHTML}[e.Format](out)
	err := server.Export(ctx, e.Data, e.Room, to.begin, to.entry)
	if chat.CodeOf(err) == chat.NotFound {
		return fmt.Errorf("there is no room %q", e.Room)
	}
	if err != nil {
		return noData(err, e.Data)
	}
	return errors.Join(to.end(), out.Flush())
}

func exportJSON(w io.Writer) exporter {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return exporter{
		begin: func(chat.Room) error { return nil },
		entry: func(e *chat.Entry) error { return enc.Encode(wire.NewEntry(e)) },
		end:   func() error { return nil },
	}
}

// line is what an entry says in words, "" if it says nothing of its own.
func line(e *chat.Entry) (text string, aside bool) {
	switch {
	case !e.Kind.Talk():
		return "", false
	case e.Kind == chat.KindName:
		return "was " + e.Was + " before", true
	case e.Kind == chat.KindRoom:
		return "changed the room", true
	case e.Kind == chat.KindModeration:
		return deed(e.Measure), true
	case e.Kind != chat.KindMessage:
		return "", false
	case !e.Deleted.IsZero():
		return "message deleted", true
	}
	return e.Text, false
}

// deed puts what was done to a member into words.
func deed(m *chat.Measure) string {
	switch {
	case m.Deed == chat.Kick:
		return "put " + m.Of.Name + " out"
	case m.Deed == chat.Ban && m.Lifted:
		return "lifted the ban of " + m.Of.Name
	case m.Deed == chat.Ban:
		return "banned " + m.Of.Name
	case m.Deed == chat.Mute && m.Lifted:
		return "let " + m.Of.Name + " speak again"
	case m.Deed == chat.Mute:
		return "muted " + m.Of.Name
	case m.Deed == chat.Clear:
		return "deleted the messages of " + m.Of.Name
	case m.Deed == chat.Grant:
		return "gave " + m.Of.Name + " the role " + string(m.Role)
	}
	return "did something to " + m.Of.Name
}

func exportText(w io.Writer) exporter {
	return exporter{
		begin: func(r chat.Room) error {
			_, err := fmt.Fprintf(w, "%s (%s)\n\n", titled(r), r.Code)
			return err
		},
		entry: func(e *chat.Entry) error {
			text, aside := line(e)
			if text == "" {
				return nil
			}
			if aside {
				text = "[" + text + "]"
			}
			if !e.Edited.IsZero() {
				text += " [edited]"
			}
			// Further lines are set off, so that nobody can write a line of somebody else's.
			_, err := fmt.Fprintf(w, "%s %s: %s\n", e.At.Format("2006-01-02 15:04:05"), e.From.Name, strings.ReplaceAll(text, "\n", "\n    "))
			return err
		},
		end: func() error { return nil },
	}
}

func titled(r chat.Room) string {
	if r.Title != "" {
		return r.Title
	}
	return "Room " + r.Code
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{.Title}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
p { margin: .75rem 0; white-space: pre-wrap; overflow-wrap: anywhere }
time, .aside { opacity: .65; font-size: .875rem }
</style>
<h1>{{.Title}}</h1>
`))

var said = template.Must(template.New("said").Parse(
	`<p id="{{.Seq}}"><b>{{.Name}}</b> <time datetime="{{.At}}">{{.Shown}}</time>{{if .Edited}} <span class="aside">edited</span>{{end}}<br>` +
		`{{if .Aside}}<span class="aside">{{.Text}}</span>{{else}}{{.Text}}{{end}}</p>` + "\n"))

func exportHTML(w io.Writer) exporter {
	return exporter{
		begin: func(r chat.Room) error { return page.Execute(w, struct{ Title string }{titled(r)}) },
		entry: func(e *chat.Entry) error {
			text, aside := line(e)
			if text == "" {
				return nil
			}
			return said.Execute(w, struct {
				Seq                   chat.Seq
				Name, At, Shown, Text string
				Edited, Aside         bool
			}{e.Seq, e.From.Name, string(wire.At(e.At)), e.At.Format("2006-01-02 15:04"), text, !e.Edited.IsZero(), aside})
		},
		end: func() error { _, err := io.WriteString(w, "</html>\n"); return err },
	}
}
