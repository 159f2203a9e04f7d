"use strict";
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

exports.withoutProxyToLoopback = function withoutProxyToLoopback(env = process.env) {
  const list = (env.no_grpc_proxy || [env.no_proxy, env.NO_PROXY].filter(Boolean).join(",")).split(",");
  const all = [...new Set([...list.map((entry) => entry.trim()).filter(Boolean), ...LOOPBACK])];
  return { no_grpc_proxy: all.join(",") };
};
