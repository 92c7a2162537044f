package transporttest

import (
	"context"

	"github.com/holdfast-engine/holdfast/engine"
)

// Admin is a fake of what transport hands the commands of operators to: it answers as the function does.
type Admin func(context.Context, *engine.AdminCommand) *engine.AdminAnswer

// Admin implements transport.Admin.
func (a Admin) Admin(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	return a(ctx, cmd)
}
