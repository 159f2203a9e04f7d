import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { RUN_FILES } from "../../contract/run-files.ts";
import { nextTurn, type Turn } from "./demo-script.ts";
import { listenPrivately } from "./unix-server.ts";

/** The notice to print wherever the demo model answers, so that nobody takes it for the real one. */
export const DEMO_NOTICE = `demo: no key in ${RUN_FILES.modelKey}, so a scripted stand-in answers instead of the model; Claude Code and the seal around it are real`;

/** The parts of a request that the demo model looks at. */
export interface DemoRequest {
  readonly model: string;
  readonly tools: readonly string[];
  readonly stream: boolean;
}

export interface DemoModel {
  readonly socketPath: string;
  close(): Promise<void>;
}

/**
 * Serves the Messages API over a UNIX socket with a scripted agent instead of a model: POST /v1/messages (streamed or
 * whole) and /v1/messages/count_tokens. It is deterministic: the same conversation gets the same answer, byte for byte.
 */
export async function startDemoModel(options: {
  socketPath: string;
  onRequest?: (request: DemoRequest) => void;
}): Promise<DemoModel> {
  const server = createServer((request, response) => {
    void answer(request, response, options.onRequest).catch(() => response.destroy());
  });
  return { socketPath: options.socketPath, close: await listenPrivately(server, options.socketPath) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  onRequest?: (request: DemoRequest) => void,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const path = (request.url ?? "/").split("?")[0];
  if (path === "/v1/messages/count_tokens") return sendJson(response, 200, { input_tokens: 1 });
  if (path !== "/v1/messages" || request.method !== "POST") {
    return sendJson(response, 404, { type: "error", error: { type: "not_found_error", message: "not in the demo" } });
  }
  const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as MessagesRequest;
  const tools = (body.tools ?? []).map((tool) => tool.name);
  const model = body.model ?? "demo";
  onRequest?.({ model, tools, stream: body.stream === true });
  const turn = nextTurn(body.messages ?? [], { model, tools });
  const message = asMessage(turn, model, (body.messages ?? []).length);
  if (body.stream !== true) return sendJson(response, 200, message);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  for (const event of streamOf(message)) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}

interface MessagesRequest {
  model?: string;
  stream?: boolean;
  tools?: { name: string }[];
  messages?: { role: string; content: unknown }[];
}

type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: Readonly<Record<string, unknown>> };

interface Message {
  id: string;
  type: "message";
  role: "assistant";
  model: string;
  content: Block[];
  stop_reason: "tool_use" | "end_turn";
  stop_sequence: null;
  usage: { input_tokens: number; output_tokens: number };
}

function asMessage(turn: Turn, model: string, position: number): Message {
  const content: Block[] = [{ type: "text", text: turn.say }];
  if (turn.use) content.push({ type: "tool_use", id: `toolu_demo_${position}`, ...turn.use });
  return {
    id: `msg_demo_${position}`,
    type: "message",
    role: "assistant",
    model,
    content,
    stop_reason: turn.use ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
}

/** The events by which the API streams a message (Anthropic API, "Streaming messages"). */
function* streamOf(message: Message): Generator<{ type: string; [key: string]: unknown }> {
  yield { type: "message_start", message: { ...message, content: [], stop_reason: null } };
  for (const [index, block] of message.content.entries()) {
    if (block.type === "text") {
      yield { type: "content_block_start", index, content_block: { type: "text", text: "" } };
      yield { type: "content_block_delta", index, delta: { type: "text_delta", text: block.text } };
    } else {
      yield { type: "content_block_start", index, content_block: { ...block, input: {} } };
      const partial_json = JSON.stringify(block.input);
      yield { type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json } };
    }
    yield { type: "content_block_stop", index };
  }
  yield {
    type: "message_delta",
    delta: { stop_reason: message.stop_reason, stop_sequence: null },
    usage: { output_tokens: 1 },
  };
  yield { type: "message_stop" };
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}
