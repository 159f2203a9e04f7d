import { z } from "zod";
import { DEFAULT_MODEL, DEFAULT_TOOLS } from "../../../contract/machine.ts";
import { inGroup, type PartDoc } from "../documented.ts";

/** The keys that describe the agent on a machine. */

const mcpServer = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
});

const MCP_SERVER_PARTS: Readonly<Record<string, PartDoc>> = {
  command: { description: "Program to start, as a session sees it.", example: "notes-server" },
  args: { description: "Arguments of the program.", example: ["--read-only"] },
  env: { description: "Environment variables of the program, by name.", example: { NOTES_FOLDER: "/notes" } },
};

const agent = inGroup("Agent");
const ANEW = { local: "new machine", aws: "new machine" } as const;

export const agentKeys = {
  model: agent(z.string().min(1, { error: "must not be empty" }).default(DEFAULT_MODEL), {
    description: "Model that the agent asks for.",
    change: ANEW,
    example: DEFAULT_MODEL,
  }),
  tools: agent(
    z
      .array(z.enum(DEFAULT_TOOLS))
      .min(1, { error: "must name at least one tool" })
      .default([...DEFAULT_TOOLS]),
    { description: "Tools that the agent offers to the model.", change: ANEW, example: ["Bash", "Read"] },
  ),
  mcpServers: agent(z.record(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/), mcpServer).default({}), {
    description:
      "MCP servers that the agent starts inside its sandbox, by name. They are in user data, which is no place for a secret: whoever may read launch templates or the machine reads them.",
    fallback: "the two of the runtime image, `session` and `web`",
    change: ANEW,
    example: { notes: { command: "notes-server" } },
    parts: MCP_SERVER_PARTS,
  }),
} as const;
