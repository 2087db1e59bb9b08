package packet_test

import (
	"errors"
	"fmt"

	"snug/socketio/packet"
)

// What comes over a connection is put together, attachments and all.
func ExampleAssembler() {
	var a packet.Assembler
	if _, done, err := a.Text([]byte(`51-/admin,7["upload",{"_placeholder":true,"num":0}]`)); done || err != nil {
		fmt.Println(done, err)
	}
	p, done, err := a.Binary([]byte{1, 2, 3})
	var data []byte
	args := p.Args()
	fmt.Println(done, err, p.Namespace, p.ID, p.Name, args.Decode(&data), data)
	_, _, err = a.Text([]byte(`2["error"]`))
	fmt.Println(err, errors.Is(err, packet.ErrMalformed))
	// Output:
	// true <nil> /admin 7 upload <nil> [1 2 3]
	// malformed packet: reserved event name true
}

// Bytes, wherever they stand in the arguments, become attachments.
func ExampleEncodeEvent() {
	e, err := packet.EncodeEvent(packet.Packet{Namespace: "/admin"}, "upload", map[string]any{"name": "<a>", "data": []byte{1, 2, 3}})
	fmt.Printf("%v\n%s\n%v\n", err, e.Text, e.Attachments)
	// Output:
	// <nil>
	// 51-/admin,["upload",{"data":{"_placeholder":true,"num":0},"name":"<a>"}]
	// [[1 2 3]]
}
