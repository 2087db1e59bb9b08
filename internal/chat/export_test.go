package chat

import "time"

// SetLaneBytes makes the lanes' queues overflow early. It comes before Run.
func (s *Service) SetLaneBytes(n int) {
	for _, l := range s.lanes {
		l.most = n
	}
}

// Halls counts the rooms and the seats in memory.
func (s *Service) Halls() (halls, seats int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, h := range s.halls {
		h.mu.Lock()
		seats += len(h.seats)
		h.mu.Unlock()
	}
	return len(s.halls), seats
}

// PassphraseHashes is how many passphrases are hashed at a time.
func (s *Service) PassphraseHashes() int { return cap(s.hashing) }

// Now is the time that entries carry.
func (s *Service) Now() time.Time { return s.now() }
