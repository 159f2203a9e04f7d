import { RUN_FILES } from "../../contract/run-files.ts";

/** The key for the model's API: on a file system in memory, readable by root only. It never enters a session. */
export const MODEL_KEY = RUN_FILES.modelKey;

/** Made by a relay when the API refuses the key. Who puts the key there (on AWS) then asks for it anew. */
export const KEY_REFUSED = RUN_FILES.modelKeyRefused;
