package wire

// Info is a room as its members see it.
type Info struct {
	Code       string `json:"code"`
	Title      string `json:"title"`
	Epoch      string `json:"epoch"`
	Head       uint32 `json:"head"`
	First      uint32 `json:"first"`
	CreatedAt  Time   `json:"createdAt"`
	Keep       string `json:"keep"` // `empty`, `Nd` or `forever`
	Locked     bool   `json:"locked"`
	Passphrase bool   `json:"passphrase"`
	Slow       int    `json:"slow"` // seconds between two messages of a member; 0: off
	Count      int    `json:"count"`
}

// RoomChange names the fields of Info that changed.
type RoomChange struct {
	Title      *string `json:"title,omitempty"`
	Locked     *bool   `json:"locked,omitempty"`
	Passphrase *bool   `json:"passphrase,omitempty"`
	Keep       *string `json:"keep,omitempty"`
	Slow       *int    `json:"slow,omitempty"`
}

// A Member is somebody in a room. Its id differs in every room. An unknown role
// counts as `member`, an unknown state as `here`.
type Member struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Color uint8  `json:"color"` // 0…15
	Role  string `json:"role"`  // `owner`, `moderator` or `member`
	State string `json:"state"` // `here`, or `lost` while the grace of a lost connection runs

	// Of one listed as banned or muted, who may be `away`: until when. For good
	// is until the end of the year 9999.
	Until Time `json:"until,omitempty"`
}

// A Cursor says "I have everything up to seq".
type Cursor struct {
	Epoch string `json:"epoch"`
	Seq   uint32 `json:"seq"`
}
