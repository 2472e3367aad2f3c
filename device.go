package daypass

import (
	"context"

	"github.com/daypass/daypass/api"
)

// AwaitDevice asks once whether a device may log in (RFC 8628), by the device code that POST /v1/device gave, and returns its
// pass. The errors of section 3.5 are [*Error] with status 400: authorization_pending and slow_down say to ask again,
// access_denied and expired_token that it is over. No credential is needed.
func (c *Client) AwaitDevice(ctx context.Context, deviceCode string) (*Token, error) {
	return toToken(c.bare.PollDevice(ctx, api.DevicePoll{DeviceCode: deviceCode}))
}
