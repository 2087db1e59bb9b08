// Package web embeds the built browser app: what Vite puts into dist/.
//
// dist/ is not committed, except for dist/.keep, so that `go build ./...` and
// `go test ./...` work without Node. A server built that way has no app and
// says so with Placeholder.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Placeholder is the page of a server that was built without the app. It loads
// nothing and runs nothing, so any Content-Security-Policy suits it.
const Placeholder = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Snug</title>
<h1>Snug is running, without its web app</h1>
<p>This binary was built before the web app was. Run <code>make build</code>, which needs Node, and start it again.
<p>Everything else works: any Socket.IO client can talk here.
</html>
`

// FS returns the built app, rooted where its index.html lies, and whether it
// is there. The files never change while the process runs.
func FS() (fs.FS, bool) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false
	}
	_, err = fs.Stat(sub, "index.html")
	return sub, err == nil
}
