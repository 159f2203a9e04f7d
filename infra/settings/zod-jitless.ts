import { z } from "zod";

/**
 * Imported before any schema is made, which is when zod decides. Each is used once or twice in a run: it does not pay to
 * compile them.
 */
z.config({ jitless: true });
