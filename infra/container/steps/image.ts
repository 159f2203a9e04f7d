import { archOfThisComputer } from "../../../images/container/arch.ts";
import { findEngine } from "../engine.ts";
import { ensureContainerImage } from "../image.ts";
import { stopOnSignals } from "../stop.ts";

/** The inputs of the image. */
export interface ImageInput {
  /** `auto`, `podman` or `docker`. */
  readonly engine: string;
  /** Empty: the default. */
  readonly base: string;
  /** Digest of the sources: another one makes another image. */
  readonly sources: string;
}

/** An image that the engine has. */
export interface ImageFacts {
  readonly image: string;
  readonly id: string;
  readonly program: string;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** The image. It is left when the stack goes: other stacks and runs use it. */
export const imageStep = {
  async create({ engine, base }: ImageInput): Promise<ImageFacts> {
    // Else a build that is stopped would leave what it has begun.
    stopOnSignals();
    const host = await findEngine(engine === "auto" ? undefined : engine);
    for (const note of host.notes) say(note);
    const { name, id } = await ensureContainerImage(host, {
      arch: archOfThisComputer(),
      report: say,
      ...(base === "" ? {} : { base }),
    });
    return { image: name, id, program: host.program };
  },
  async remove(): Promise<void> {},
};
