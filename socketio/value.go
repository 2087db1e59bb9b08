package socketio

// Value returns what the application stored on the socket with SetValue, the
// zero T if that is nothing or of another type.
func Value[T any](s *Socket) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, _ := s.value.(T)
	return v
}

// SetValue stores one value on the socket, in place of the one before.
func SetValue[T any](s *Socket, value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = value
}
