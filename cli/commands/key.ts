import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { parseKey } from "../../guest/agent/model-key.ts";
import { OperatorError } from "../errors.ts";
import { passOn } from "../pass-on.ts";
import { type Chosen, reach } from "./chosen.ts";

/**
 * `cloister key set|status|clear`: the key for the model's API. On a local machine it is in the machine's memory; on
 * AWS it is the value of the stack's secret, which machines read. It is asked for without an echo, or read from
 * standard input: it is in no command line and in no file here.
 *
 * @returns 0; 1 for `status` when there is no key
 */
export async function key(chosen: () => Chosen, act: "set" | "status" | "clear", json = false): Promise<number> {
  const meant = chosen();
  // The key is read before we connect: a text that is no key is refused at once.
  const value = act === "set" ? await givenKey() : "";
  const { readStack } = await import("../stack.ts");
  const stack = await readStack(meant.stack);
  if (stack.outputs.target === "aws") {
    const { modelKeySecret, region } = stack.outputs;
    if (modelKeySecret === undefined) {
      if (process.env["CLOISTER_REGION"])
        throw new OperatorError(
          "the tags of a stack do not tell its secret. Leave out --region and CLOISTER_REGION, or write it yourself: docs/aws-reference.md, The model's key.",
          { code: "CLOISTER_E_NO_STACK" },
        );
      throw new OperatorError(
        `the outputs of the stack ${meant.stack} name no secret for the model's key: bring it up again: npm run -s pulumi -- up --stack ${meant.stack}`,
        { code: "CLOISTER_E_STACK_DOWN" },
      );
    }
    const { secretKey } = await import("../aws/model-key.ts");
    return await secretKey({ secret: modelKeySecret, region, act, value, json });
  }
  const { transport } = await reach(meant);
  const stdin = act === "set" ? { stdin: Readable.from([Buffer.from(value)]) } : {};
  return await passOn(transport, ["cloister", "key", act, ...(json ? ["--json"] : [])], process, stdin);
}

async function givenKey(): Promise<string> {
  if (!process.stdin.isTTY) return parseKey(await text(process.stdin), "standard input");
  return parseKey(await askSilently("the key for the model's API (it is not shown): "), "what you typed");
}

/** Asks on the terminal, and shows nothing of the answer. */
async function askSilently(question: string): Promise<string> {
  process.stderr.write(question);
  // readline puts the terminal into raw mode and echoes by itself: here it echoes into a stream that drops everything.
  const nowhere = new Writable({ write: (_data, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("line", resolve);
      const stopped = () => reject(new OperatorError("no key was given.", { code: "CLOISTER_E_KEY" }));
      lines.once("SIGINT", stopped);
      lines.once("close", stopped);
    });
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
