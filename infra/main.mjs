/** Entry point for Pulumi. The program is `index.ts`, loaded from one bundled file, which makes previews a third quicker. */
import { load } from "../lib/run-bundled.cjs";
import { earlyProvider } from "./aws/early.cjs";

const command = await earlyProvider();
const { default: program } = await load("infra/index.ts", ["@pulumi/pulumi"]);

export default () => program({ command });
