package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// Types and flags of frames (RFC 9113 §6).
const (
	typeData         = 0
	typeHeaders      = 1
	typeReset        = 3
	typeSettings     = 4
	typePing         = 6
	typeGoAway       = 7
	typeWindowUpdate = 8

	flagEndStream  = 1
	flagAck        = 1
	flagEndHeaders = 4
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// As much as there can be: answers are never held up by this side. Nor are requests by the
// server's windows: all that is under way is less than the least of them, 64 KiB.
const windowMax = 1<<31 - 1

// Frame is good until the next one is read.
type Frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

// Conn is a connection of HTTP/2, used by one goroutine.
type Conn struct {
	net.Conn
	reader *bufio.Reader
	// What is written with the next flush.
	out     []byte
	payload []byte
}

func dialHTTP2(dialer *Dialer) (*Conn, error) {
	socket, err := dialer.Dial()
	if err != nil {
		return nil, err
	}
	conn := &Conn{Conn: socket, reader: bufio.NewReaderSize(socket, 64*1024)}
	conn.out = append(conn.out, preface...)
	settings := []byte{0, 4, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(settings[2:], windowMax)
	conn.out = appendFrame(conn.out, typeSettings, 0, 0, settings)
	conn.out = appendFrame(conn.out, typeWindowUpdate, 0, 0, binary.BigEndian.AppendUint32(nil, windowMax-65535))
	return conn, conn.flush()
}

func (c *Conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return err
}

// next reads a frame of a stream. What was to be said goes out before it would have to wait.
func (c *Conn) next() (Frame, error) {
	for {
		if c.reader.Buffered() < 9 {
			if err := c.flush(); err != nil {
				return Frame{}, err
			}
		}
		head, err := c.reader.Peek(9)
		if err != nil {
			return Frame{}, err
		}
		length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		frame := Frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:]) & windowMax}
		c.reader.Discard(9)
		if cap(c.payload) < length {
			c.payload = make([]byte, length)
		}
		frame.payload = c.payload[:length]
		if _, err := io.ReadFull(c.reader, frame.payload); err != nil {
			return Frame{}, err
		}
		switch frame.kind {
		case typeData, typeHeaders, typeReset:
			return frame, nil
		case typeSettings:
			if frame.flags&flagAck == 0 {
				c.out = appendFrame(c.out, typeSettings, flagAck, 0, nil)
			}
		case typePing:
			if frame.flags&flagAck == 0 {
				c.out = appendFrame(c.out, typePing, flagAck, 0, frame.payload)
			}
		case typeGoAway:
			return Frame{}, fmt.Errorf("expected answers, found GOAWAY: %q", frame.payload)
		}
	}
}

func appendFrame(out []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	length := len(payload)
	out = append(out, byte(length>>16), byte(length>>8), byte(length), kind, flags)
	out = binary.BigEndian.AppendUint32(out, stream)
	return append(out, payload...)
}

// framesOf are the frames of a request on stream 0; it ends unless it `staysOpen`.
func framesOf(request Request, staysOpen bool) []byte {
	var block []byte
	for _, field := range request.Fields {
		// Literals without indexing, new names (RFC 7541 §6.2.2).
		block = append(block, 0)
		for _, text := range field {
			block = appendLength(block, len(text))
			block = append(block, text...)
		}
	}
	end := byte(flagEndStream)
	if staysOpen {
		end = 0
	}
	if len(request.Body) == 0 && !staysOpen {
		return appendFrame(nil, typeHeaders, flagEndHeaders|end, 0, block)
	}
	out := appendFrame(nil, typeHeaders, flagEndHeaders, 0, block)
	return appendFrame(out, typeData, end, 0, request.Body)
}

// appendLength writes an integer with a prefix of seven bits (RFC 7541 §5.1).
func appendLength(out []byte, length int) []byte {
	if length < 127 {
		return append(out, byte(length))
	}
	out = append(out, 127)
	for length -= 127; length >= 128; length >>= 7 {
		out = append(out, byte(length&127|128))
	}
	return append(out, byte(length))
}

// appendOn appends frames that were made for stream 0, on `stream`.
func appendOn(out []byte, frames []byte, stream uint32) []byte {
	start := len(out)
	out = append(out, frames...)
	for at := start; at < len(out); {
		binary.BigEndian.PutUint32(out[at+5:], stream)
		at += 9 + (int(out[at])<<16 | int(out[at+1])<<8 | int(out[at+2]))
	}
	return out
}

// Call is a request under way.
type Call struct {
	begun     time.Time
	isSuccess bool
	hasData   bool
	messages  Messages
}

// Messages counts those of gRPC in a stream of bytes, and looks into them.
type Messages struct {
	head   []byte
	left   int
	body   []byte
	onBody func(body []byte)
}

// Take returns how many messages have ended.
func (m *Messages) Take(bytes []byte) int {
	ended := 0
	for len(bytes) > 0 {
		if len(m.head) < 5 {
			count := min(5-len(m.head), len(bytes))
			m.head = append(m.head, bytes[:count]...)
			bytes = bytes[count:]
			if len(m.head) < 5 {
				break
			}
			m.left = int(binary.BigEndian.Uint32(m.head[1:]))
			m.body = m.body[:0]
		}
		count := min(m.left, len(bytes))
		if m.onBody != nil {
			m.body = append(m.body, bytes[:count]...)
		}
		m.left -= count
		bytes = bytes[count:]
		if m.left > 0 {
			break
		}
		ended++
		m.head = m.head[:0]
		if m.onBody != nil {
			m.onBody(m.body)
		}
	}
	return ended
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// isOK tells whether a block begins with the status 200, as everybody encodes it
// (RFC 7541 appendix A, 8), the sizes of tables aside.
func isOK(block []byte) bool {
	for len(block) > 0 && block[0]>>5 == 1 {
		rest := block[0] & 31
		block = block[1:]
		for rest == 31 && len(block) > 0 && block[0] >= 128 {
			block = block[1:]
		}
		if rest == 31 && len(block) > 0 {
			block = block[1:]
		}
	}
	return len(block) > 0 && block[0] == 0x88
}

// loadHTTP2 keeps `Streams` requests under way on one connection: "http2" makes a stream for
// each, "stream" sends all messages on streams that stay open.
func loadHTTP2(plan Plan, dialer *Dialer, sample *Sample, number int) error {
	conn, err := dialHTTP2(dialer)
	if err != nil {
		return err
	}
	defer conn.Close()
	staysOpen := plan.Kind == "stream"
	first := number * plan.Keys / plan.Connections
	request := newNumbered(framesOf(plan.Request, staysOpen), plan.Keys, first)
	message := appendFrame(nil, typeData, 0, 0, plan.Request.Body)
	calls := make(map[uint32]*Call, plan.Streams)
	stream := uint32(1)
	begin := func(call *Call) {
		*call = Call{begun: time.Now()}
		calls[stream] = call
		conn.out = appendOn(conn.out, request.Next(), stream)
		stream += 2
	}
	for i := 0; i < plan.Streams; i++ {
		begin(&Call{})
	}
	for {
		frame, err := conn.next()
		if err != nil {
			return err
		}
		call := calls[frame.stream]
		if call == nil {
			continue
		}
		hasEnded := frame.kind == typeReset || frame.flags&flagEndStream != 0
		switch frame.kind {
		case typeHeaders:
			// Trailers come second.
			if !call.hasData && isOK(frame.payload) {
				call.isSuccess = true
			}
		case typeData:
			call.hasData = call.hasData || len(frame.payload) > 0
			if !staysOpen || call.messages.Take(frame.payload) == 0 {
				break
			}
			now := time.Now()
			if !sample.Add(call.begun, now, call.isSuccess) {
				return nil
			}
			call.begun = now
			conn.out = appendOn(conn.out, message, frame.stream)
		}
		if !hasEnded {
			continue
		}
		if staysOpen {
			return fmt.Errorf("expected a stream that stays open, found its end")
		}
		delete(calls, frame.stream)
		// A gRPC call that fails has no message.
		isSuccess := call.isSuccess && call.hasData && frame.kind != typeReset
		if !sample.Add(call.begun, time.Now(), isSuccess) {
			return nil
		}
		begin(call)
	}
}

// setUp sends what has to be there before.
func setUp(plan Plan, dialer *Dialer) error {
	if len(plan.Setup) == 0 {
		return nil
	}
	conn, err := dialHTTP2(dialer)
	if err != nil {
		return err
	}
	defer conn.Close()
	for i, request := range plan.Setup {
		conn.out = appendOn(conn.out, framesOf(request, false), uint32(2*i+1))
		for {
			frame, err := conn.next()
			if err != nil {
				return err
			}
			if frame.flags&flagEndStream != 0 || frame.kind == typeReset {
				break
			}
		}
	}
	return nil
}
