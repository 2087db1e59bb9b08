// Package hostile holds tests alone: what strangers may send, over raw TCP, HTTP,
// WebSocket frames, Engine.IO, Socket.IO and the events of the chat. After each
// case the answer must be the right one, and a bystander's next message must arrive;
// after each table, goroutines and heap must be what they were.
package hostile
