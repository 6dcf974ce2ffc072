package wire

import (
	"context"

	"google.golang.org/grpc"
)

// Service is the service under the vendor's name. Calls that are not handled are
// answered with UNIMPLEMENTED.
const Service = "eventbus.v1.PubSub"

// PubSub is what the service does.
type PubSub interface {
	GetTopic(context.Context, *TopicRequest) (*TopicInfo, error)
	GetSchema(context.Context, *SchemaRequest) (*SchemaInfo, error)
	Subscribe(grpc.ServerStream) error
}

// Register makes a server offer the service.
func Register(s *grpc.Server, p PubSub) {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: Service,
		HandlerType: (*PubSub)(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "GetTopic", Handler: unary(PubSub.GetTopic)},
			{MethodName: "GetSchema", Handler: unary(PubSub.GetSchema)},
		},
		Streams: []grpc.StreamDesc{{
			StreamName: "Subscribe", ServerStreams: true, ClientStreams: true,
			Handler: func(srv any, stream grpc.ServerStream) error { return srv.(PubSub).Subscribe(stream) },
		}},
		Metadata: "pubsub_api.proto",
	}, p)
}

// unary makes a handler of a call with one request and one answer.
func unary[Q, A any](do func(PubSub, context.Context, *Q) (*A, error)) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(Q)
		if err := decode(in); err != nil {
			return nil, err
		}
		return do(srv.(PubSub), ctx, in)
	}
}
