// Package wire is the chat protocol as it travels: the names of events, the
// shapes of what they carry, strict decoding of requests, and the way from the
// domain's words to these. The web app's types are made from it.
//
// It decides no more than whether a request has the right shape. What a request
// means, and whether it may be done, is for package chat to say.
package wire
