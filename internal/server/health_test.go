package server

import (
	"context"
	"errors"
	"testing"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// TestHealthFollowsReadiness: who cannot decide does not serve.
func TestHealthFollowsReadiness(t *testing.T) {
	var unready error
	h := health{ready: func(context.Context) error { return unready }}
	for _, c := range []struct {
		err  error
		want healthv1.HealthCheckResponse_ServingStatus
	}{{nil, healthv1.HealthCheckResponse_SERVING}, {errors.New("stale"), healthv1.HealthCheckResponse_NOT_SERVING}} {
		unready = c.err
		if a, err := h.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil || a.GetStatus() != c.want {
			t.Errorf("%v: %v %v", c.err, a, err)
		}
	}
}
