package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"
)

// loadHTTP1 asks over one kept connection, one request after the other.
func loadHTTP1(plan Plan, dialer *Dialer, sample *Sample, number int) error {
	conn, err := dialer.Dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 16*1024)
	request := newNumbered(plan.Request.Body, plan.Keys, number*plan.Keys/plan.Connections)
	for {
		begun := time.Now()
		if _, err := conn.Write(request.Next()); err != nil {
			return err
		}
		status, err := readAnswer(reader)
		if err != nil {
			return err
		}
		if !sample.Add(begun, time.Now(), status == 200 || status == 201) {
			return nil
		}
	}
}

// loadConnects makes a new connection for each request.
func loadConnects(plan Plan, dialer *Dialer, sample *Sample, number int) error {
	request := newNumbered(plan.Request.Body, plan.Keys, number)
	for {
		begun := time.Now()
		conn, err := dialer.Dial()
		if err != nil {
			return err
		}
		_, err = conn.Write(request.Next())
		status := 0
		if err == nil {
			status, err = readAnswer(bufio.NewReader(conn))
		}
		conn.Close()
		if err != nil {
			return err
		}
		if !sample.Add(begun, time.Now(), status == 200) {
			return nil
		}
	}
}

var lengthName = []byte("content-length:")

// readAnswer reads one answer with a Content-Length and returns its status.
func readAnswer(reader *bufio.Reader) (int, error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("expected a status line, found %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, err
	}
	length := -1
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > len(lengthName) && bytes.EqualFold(line[:len(lengthName)], lengthName) {
			text := string(bytes.TrimSpace(line[len(lengthName):]))
			if length, err = strconv.Atoi(text); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return 0, fmt.Errorf("expected a Content-Length in an answer of status %d", status)
	}
	_, err = io.CopyN(io.Discard, reader, int64(length))
	return status, err
}
