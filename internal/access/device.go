package access

import "time"

// DeviceState is how far a device's wish to log in has come.
type DeviceState string

const (
	DevicePending  DeviceState = "pending"
	DeviceApproved DeviceState = "approved"
	DeviceDenied   DeviceState = "denied"
)

// Device is a program that waits for somebody to let it log in (RFC 8628).
type Device struct {
	ID      string
	Client  string   // as it calls itself, which proves nothing
	Scopes  []string // what it asks for; nil: everything
	From    LastUse  // where and when it asked
	Expires time.Time
	Polled  time.Time // when it last asked whether it may; zero: never
	State   DeviceState
	Sealed  []byte // the pass that waits for it
}
