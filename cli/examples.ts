import type { Command } from "commander";

/** Examples for the help of each command, by its name. Those of `run` stand beside its options (guest/run/options.ts). */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  ls: ["cloister ls", "cloister --stack dev ls --ask", "cloister ls --json"],
  agent: [
    'cloister agent "Say what this machine is."',
    'cloister agent --mount /sessions/folders/site:site:rw --allow npm "Mend the build in mnt/site."',
    'cloister agent --name work --continue "Go on."',
  ],
  "sessions ls": ["cloister sessions ls", "cloister sessions ls --json"],
  "sessions rm": ["cloister sessions rm work"],
  "sessions stop": ["cloister sessions stop web"],
  logs: ["cloister logs web", "cloister logs web --follow"],
  forward: ["cloister forward web 8000", "cloister forward web 8000:18000"],
  sync: ["cloister sync .", "cloister sync . --exclude node_modules --dry-run", "cloister sync . --prefer machine"],
  audit: [
    "cloister audit --denied",
    "cloister audit --session work --since -1h",
    "cloister audit --denied --follow",
    "cloister audit --json --since today",
  ],
  "key set": ["cloister key set", "cloister key set < key.txt"],
  "key status": ["cloister key status && echo there"],
  "key clear": ["cloister key clear"],
  verify: ["cloister verify", "cloister verify --all-rows", "cloister --stack dev verify --all --json"],
  refresh: ["cloister --stack dev refresh small", "cloister --stack dev refresh small --restart"],
  doctor: ["cloister doctor", "cloister --stack dev doctor --json"],
  shell: ["cloister shell", "cloister --stack dev --machine one shell"],
  cp: [
    "cloister cp docs :/sessions/folders/",
    "cloister cp :/sessions/folders/docs .",
    "cloister --stack dev cp notes.txt one:/sessions/folders/notes.txt",
  ],
  "policy check": ["cloister policy check cloister.policy.yaml", "cloister policy check ci/cloister.policy.yaml"],
  "policy learn": ["cloister policy learn -- npm ci", "cloister policy learn --output new.policy.yaml -- npm test"],
  bootstrap: [
    "cloister bootstrap --account 123456789012 --region eu-central-1 --bucket my-pulumi-state --repository me/fleet",
    "cloister bootstrap --account 123456789012 --region eu-central-1 --bucket my-pulumi-state --repository me/fleet --destroy",
  ],
  completion: [
    'eval "$(cloister completion bash)"                  # in ~/.bashrc',
    'eval "$(cloister completion zsh)"                   # in ~/.zshrc, after compinit',
    "cloister completion fish | source                   # in ~/.config/fish/config.fish",
  ],
};

/** Adds the examples to the help of each command that has some. */
export function addExamples(command: Command, path = ""): void {
  const examples = EXAMPLES[path];
  if (examples) command.addHelpText("after", `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}`);
  for (const child of command.commands) addExamples(child, path === "" ? child.name() : `${path} ${child.name()}`);
}
