package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// watch opens `Watchers` watches on `Connections` streams, one a connection, then writes
// `Writes` times with `Streams` clients, and counts events until the last has come. The
// result counts events, not requests.
func watch(plan Plan, dialer *Dialer) (Result, error) {
	expected := int64(plan.Watchers) * int64(plan.Writes)
	var seen, created int64
	ready := make(chan struct{})
	done := make(chan struct{})
	failed := make(chan error, plan.Connections+1)
	count := func(body []byte) {
		events, isCreated := readWatchResponse(body)
		if isCreated && atomic.AddInt64(&created, 1) == int64(plan.Watchers) {
			close(ready)
		}
		if events > 0 && atomic.AddInt64(&seen, int64(events)) == expected {
			close(done)
		}
	}
	for i := 0; i < plan.Connections; i++ {
		go func() {
			if err := watchOn(plan, dialer, plan.Watchers/plan.Connections, count); err != nil {
				failed <- err
			}
		}()
	}
	if err := wait(ready, failed); err != nil {
		return Result{}, fmt.Errorf("of %d watches %d began: %w", plan.Watchers, atomic.LoadInt64(&created), err)
	}
	begun := time.Now()
	go func() {
		if err := write(plan, dialer); err != nil {
			failed <- err
		}
	}()
	if err := wait(done, failed); err != nil {
		return Result{}, fmt.Errorf("of %d events %d came: %w", expected, atomic.LoadInt64(&seen), err)
	}
	return Result{Requests: int(expected), Seconds: time.Since(begun).Seconds()}, nil
}

const patience = 2 * time.Minute

func wait(event chan struct{}, failed chan error) error {
	select {
	case <-event:
		return nil
	case err := <-failed:
		return err
	case <-time.After(patience):
		return fmt.Errorf("expected it within %v", patience)
	}
}

// watchOn opens `watchers` watches on one stream and tells `count` of each message.
func watchOn(plan Plan, dialer *Dialer, watchers int, count func(body []byte)) error {
	conn, err := dialHTTP2(dialer)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.out = appendOn(conn.out, framesOf(plan.Watch, true), 1)
	message := appendFrame(nil, typeData, 0, 1, plan.Watch.Body)
	for i := 1; i < watchers; i++ {
		conn.out = append(conn.out, message...)
	}
	messages := Messages{onBody: count}
	for {
		frame, err := conn.next()
		if err != nil {
			return err
		}
		if frame.kind == typeData {
			messages.Take(frame.payload)
		}
		if frame.kind == typeReset || frame.flags&flagEndStream != 0 {
			return fmt.Errorf("expected watches that stay open, found the end of their stream")
		}
	}
}

// write makes the events.
func write(plan Plan, dialer *Dialer) error {
	begun := int64(0)
	var running sync.WaitGroup
	failed := make(chan error, plan.Streams)
	for i := 0; i < plan.Streams; i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			if err := writeOn(plan, dialer, &begun); err != nil {
				failed <- err
			}
		}()
	}
	running.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func writeOn(plan Plan, dialer *Dialer, begun *int64) error {
	conn, err := dialHTTP2(dialer)
	if err != nil {
		return err
	}
	defer conn.Close()
	request := newNumbered(framesOf(plan.Request, false), plan.Keys, 0)
	for stream := uint32(1); atomic.AddInt64(begun, 1) <= int64(plan.Writes); stream += 2 {
		conn.out = appendOn(conn.out, request.Next(), stream)
		hasData := false
		for {
			frame, err := conn.next()
			if err != nil {
				return err
			}
			hasData = hasData || frame.kind == typeData && len(frame.payload) > 0
			if frame.kind == typeReset || frame.flags&flagEndStream != 0 {
				break
			}
		}
		if !hasData {
			return fmt.Errorf("expected a write to succeed")
		}
	}
	return nil
}

// readWatchResponse counts the events in a `WatchResponse` and says whether it tells that
// a watch was made (etcd's rpc.proto: created is 3, events are 11).
func readWatchResponse(body []byte) (events int, isCreated bool) {
	varint := func() uint64 {
		value := uint64(0)
		for shift := 0; len(body) > 0; shift += 7 {
			octet := body[0]
			body = body[1:]
			value |= uint64(octet&127) << shift
			if octet < 128 {
				break
			}
		}
		return value
	}
	for len(body) > 0 {
		tag := varint()
		switch tag & 7 {
		case 0:
			value := varint()
			if tag>>3 == 3 {
				isCreated = value != 0
			}
		case 2:
			length := varint()
			if tag>>3 == 11 {
				events++
			}
			body = body[min(int(length), len(body)):]
		default:
			return
		}
	}
	return
}
