/**
 * The variable by which gRPC's clients in Node reach this computer's own loopback without a proxy. Pulumi's engine, its
 * plugins and the program talk to each other there; gRPC for Node would ask the proxy of `http_proxy` to reach it,
 * unlike all other clients.
 */
export function withoutProxyToLoopback(env?: NodeJS.ProcessEnv): { readonly no_grpc_proxy: string };
