/** Opens a shell by SSM on the terminal that this runs on: `shell.ts INSTANCE`. Ends with the shell's exit code. */
import { ssmTransport } from "../../../cli/aws/ssm.ts";

process.exitCode = await ssmTransport("one", process.argv[2] ?? "", "eu-central-1").shell();
