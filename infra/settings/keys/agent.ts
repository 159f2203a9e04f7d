import { z } from "zod";
import { DEFAULT_MCP_SERVERS, McpServers } from "../../../contract/machine.ts";
import { DEFAULTS, REFERENCE_TOOLS } from "../../../contract/reference.ts";
import { inGroup, type PartDoc } from "../documented.ts";

/** The keys that describe the agent on a machine. */

const MCP_SERVER_PARTS: Readonly<Record<string, PartDoc>> = {
  command: { description: "Program to start, as a session sees it.", example: "notes-server" },
  args: { description: "Arguments of the program.", example: ["--read-only"] },
  type: {
    description: "`stdio`: a program that is started. `http` and `sse`: a server elsewhere.",
    fallback: "`stdio`",
    example: "http",
  },
  url: { description: "Address of a server elsewhere.", example: "https://mcp.example/notes" },
  headers: { description: "Headers of requests to it, by name.", example: { accept: "application/json" } },
  env: { description: "Environment variables of the program, by name.", example: { NOTES_FOLDER: "/notes" } },
};

const BUILT_IN = Object.keys(DEFAULT_MCP_SERVERS) as readonly (keyof typeof DEFAULT_MCP_SERVERS)[];
const agent = inGroup("Agent");
const ANEW = { local: "new machine", aws: "new machine" } as const;

export const agentKeys = {
  model: agent(z.string().min(1, { error: "must not be empty" }).default(DEFAULTS.model), {
    description: "Model that the agent asks for.",
    change: ANEW,
    example: DEFAULTS.model,
  }),
  tools: agent(
    z
      .array(z.enum(REFERENCE_TOOLS))
      .min(1, { error: "must name at least one tool" })
      .default([...REFERENCE_TOOLS]),
    { description: "Tools that the agent offers to the model.", change: ANEW, example: ["Bash", "Read"] },
  ),
  mcpServers: agent(McpServers.default({}), {
    description:
      "MCP servers of the agent, by name: programs that it starts inside its sandbox, or servers that it reaches through the session's proxy, whose policy must allow their host. They are in user data, which is no place for a secret: whoever may read launch templates or the machine reads them.",
    fallback: "`{}`: none beside the built-in ones (`builtInMcpServers`)",
    change: ANEW,
    example: { notes: { command: "notes-server" } },
    parts: MCP_SERVER_PARTS,
  }),
  builtInMcpServers: agent(z.array(z.enum(BUILT_IN)).default([...BUILT_IN]), {
    description:
      "MCP servers of the runtime image that the agent has beside those of `mcpServers`. `session` tells it where it is, `web` fetches a page as text through the session's proxy. A server of the same name in `mcpServers` takes a built-in one's place.",
    fallback: "both",
    change: ANEW,
    example: ["session"],
  }),
} as const;
