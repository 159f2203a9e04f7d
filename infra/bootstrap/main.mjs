/** Entry point for Pulumi, as `infra/main.mjs` is for stacks. */
import { load } from "../../lib/run-bundled.cjs";

const { default: program } = await load("infra/bootstrap/program.ts", ["@pulumi/pulumi"]);

export default program;
