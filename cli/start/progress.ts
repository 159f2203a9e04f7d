import { type ListrBaseClassOptions, ListrLogger, PRESET_TIMER, ProcessOutput } from "listr2";

/** Shows one line for each stage, with its time: live on a terminal, as plain lines elsewhere. */
export const LISTR_OPTIONS: ListrBaseClassOptions<unknown, "default", "simple"> = {
  renderer: "default",
  fallbackRenderer: "simple",
  rendererOptions: { timer: PRESET_TIMER, collapseSubtasks: false, collapseErrors: true, showErrorMessage: false },
  fallbackRendererOptions: { timer: PRESET_TIMER },
  // Ctrl-C is for Pulumi, which leaves nothing half-done; we end when it ends.
  registerSignalListeners: false,
};

/** The same on standard error: for programs whose standard output is their result. */
export function onStandardError(): typeof LISTR_OPTIONS {
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr) });
  const { rendererOptions, fallbackRendererOptions } = LISTR_OPTIONS;
  return {
    ...LISTR_OPTIONS,
    rendererOptions: { ...rendererOptions, logger },
    fallbackRendererOptions: { ...fallbackRendererOptions, logger },
  };
}

/**
 * Runs a stage. Its error is told once, whole, below all stages: listr would put it into the stage's own line.
 *
 * @param keep takes this error
 */
export async function stage(keep: (error: unknown) => void, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    keep(error);
    throw new Error("see below");
  }
}
