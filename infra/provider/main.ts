/** Serves one resource, which tells the engine whether a local machine runs (see `power-state.ts`). */
import { main } from "@pulumi/pulumi/provider/index.js";
import { PowerStateProvider } from "./power-state.ts";

main(new PowerStateProvider(), process.argv.slice(2));
