package packet_test

import (
	"fmt"

	"snug/engineio/packet"
)

// The body of a POST, one packet after the other.
func ExamplePayload() {
	for p, err := range packet.Payload([]byte("4hello\x1ebAQID\x1e7")) {
		fmt.Println(p.Type, p.Binary, p.Data, err)
	}
	// Output:
	// message false [104 101 108 108 111] <nil>
	// message true [1 2 3] <nil>
	// Type(0x0) false [] packet: unknown packet type
}

// The answer to a GET is put together in the same way.
func ExampleAppendPayload() {
	var body []byte
	body = packet.AppendPayload(body, packet.Packet{Type: packet.Message, Data: []byte("hello")})
	body = packet.AppendPayload(body, packet.Packet{Type: packet.Message, Binary: true, Data: []byte{1, 2, 3}})
	fmt.Printf("%q\n", body)
	// Output: "4hello\x1ebAQID"
}
