import { type ListrBaseClassOptions, PRESET_TIMER } from "listr2";

/** One line a stage, with the time it took: live on a terminal, plain lines elsewhere. */
export const LISTR_OPTIONS: ListrBaseClassOptions<unknown, "default", "simple"> = {
  renderer: "default",
  fallbackRenderer: "simple",
  rendererOptions: { timer: PRESET_TIMER, collapseSubtasks: false, collapseErrors: false },
  fallbackRendererOptions: { timer: PRESET_TIMER },
  // Ctrl-C is for Pulumi, which leaves nothing half-done; we end when it ends.
  registerSignalListeners: false,
};
