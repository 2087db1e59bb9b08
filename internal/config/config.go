// Package config is what an operator can set: one struct, whose tags are the
// table of flags, environment variables, keys of the configuration file,
// defaults and help.
package config

// Config is what a server can be told. A value comes from the first of: the
// flag, the environment variable, the file that --config names, the default.
// Package kong reads it.
type Config struct {
	Listen string `default:"127.0.0.1:5000" env:"SNUG_LISTEN" placeholder:"ADDR" help:"Address and port to serve on (default ${default}). \":5000\" is port 5000 on every address of this machine; port 0 is any free one."`
	Where
	Keep   string `default:"30d" env:"SNUG_KEEP" placeholder:"SPAN" help:"How long rooms keep what was said, where their maker does not choose (default ${default}): \"empty\" is until the last member has left; else a number of days such as \"7d\", or \"forever\"."`
	Limits string `default:"on" enum:"on,off" env:"SNUG_LIMITS" placeholder:"on|off" help:"\"off\" lifts rates and per-address caps, for benchmarks and trusted networks. Sizes and queues stay bounded."`
	Bounds
	BasePath      string    `env:"SNUG_BASE_PATH" placeholder:"PATH" help:"Path that everything is served below, such as /chat/, where a proxy passes the whole path on."`
	TLSCert       string    `name:"tls-cert" env:"SNUG_TLS_CERT" placeholder:"FILE" help:"Certificate, with its chain, to serve HTTPS by. Read again when it changes."`
	TLSKey        string    `name:"tls-key" env:"SNUG_TLS_KEY" placeholder:"FILE" help:"Its key."`
	ACME          []string  `name:"acme" env:"SNUG_ACME" placeholder:"DOMAIN" help:"Domains, separated by commas, to get certificates for by itself, and to serve HTTPS by them. That accepts the terms of the authority, Let's Encrypt by default. It must reach this server on port 443 of each, or on port 80 with --redirect-http."`
	ACMEDirectory string    `name:"acme-directory" env:"SNUG_ACME_DIRECTORY" placeholder:"URL" help:"Another authority's directory (RFC 8555)."`
	ACMEEmail     string    `name:"acme-email" env:"SNUG_ACME_EMAIL" placeholder:"EMAIL" help:"Where the authority writes to when something is wrong. It may be left out."`
	RedirectHTTP  string    `name:"redirect-http" env:"SNUG_REDIRECT_HTTP" placeholder:"ADDR" help:"Address and port, such as :80, where plain HTTP is sent on to HTTPS."`
	Metrics       string    `env:"SNUG_METRICS" placeholder:"ADDR" help:"Address and port to serve figures for Prometheus on, at /metrics, such as 127.0.0.1:9090; \"public\" is the address of the chat itself. None by default."`
	TrustedProxy  []Network `env:"SNUG_TRUSTED_PROXY" placeholder:"ADDR" help:"Proxies before this server, as addresses or networks such as 10.0.0.0/8, separated by commas: from them alone X-Forwarded-For and X-Forwarded-Proto are believed."`
	Log           Log       `default:"info" env:"SNUG_LOG" placeholder:"LEVEL" help:"What to log on stderr (default ${default}): debug, info, warn or error. With \",json\" behind it, one JSON object a line."`
}

// Where is the part of Config that says where a server keeps its data.
type Where struct {
	Data   string `default:"./snug-data" env:"SNUG_DATA" placeholder:"DIR" type:"path" help:"Directory of the log and the keys (default ${default}); made with mode 0700."`
	Config File   `env:"SNUG_CONFIG" placeholder:"FILE" help:"JSON file with the same names as the flags, such as {\"listen\": \":5000\", \"keep\": \"7d\"}."`
}
