/**
 * Names that programs obey when a folder is only opened or entered, or when they are asked for anything at all, as a
 * package manager is.
 */

const EDITOR = "an editor obeys it";
const AGENT = "an agent obeys it";
const HOOKS = "git runs it as hooks";
const SHELL = "a shell obeys it";
const PACKAGES = "a package manager obeys it, whatever it is asked for";
const VERSIONS = "a version control program obeys it, and editors and prompts ask such programs";
const PROMPT = "a program for commands obeys it when it is started here";

/** Of files and folders, at any depth. */
const NAMES: Readonly<Record<string, string>> = {
  ".vscode": EDITOR,
  ".vs": EDITOR,
  ".idea": EDITOR,
  ".zed": EDITOR,
  ".fleet": EDITOR,
  ".nova": EDITOR,
  ".helix": EDITOR,
  ".vim": EDITOR,
  ".nvim": EDITOR,
  ".nvim.lua": EDITOR,
  ".nvimrc": EDITOR,
  ".exrc": EDITOR,
  _exrc: EDITOR,
  ".vimrc": EDITOR,
  _vimrc: EDITOR,
  ".lvimrc": EDITOR,
  ".local.vimrc": EDITOR,
  ".dir-locals.el": EDITOR,
  ".dir-locals-2.el": EDITOR,
  ".devcontainer": EDITOR,
  ".devcontainer.json": EDITOR,
  ".cursor": AGENT,
  ".cursorrules": AGENT,
  ".claude": AGENT,
  ".claude.json": AGENT,
  ".mcp.json": AGENT,
  ".codex": AGENT,
  ".gemini": AGENT,
  ".windsurf": AGENT,
  ".windsurfrules": AGENT,
  ".continue": AGENT,
  ".roo": AGENT,
  ".roomodes": AGENT,
  ".cline": AGENT,
  ".clinerules": AGENT,
  ".kiro": AGENT,
  ".qwen": AGENT,
  ".trae": AGENT,
  ".junie": AGENT,
  ".amazonq": AGENT,
  ".opencode": AGENT,
  "opencode.json": AGENT,
  "opencode.jsonc": AGENT,
  ".crush.json": AGENT,
  "crush.json": AGENT,
  ".aider.conf.yml": AGENT,
  ".husky": HOOKS,
  ".githooks": HOOKS,
  ".git-hooks": HOOKS,
  ".pre-commit-config.yaml": HOOKS,
  ".lefthook": HOOKS,
  ".lefthook-local": HOOKS,
  ".overcommit.yml": HOOKS,
  ".envrc": SHELL,
  ".env.fish": SHELL,
  ".autoenv": SHELL,
  ".autoenv.zsh": SHELL,
  ".autoenv_leave.zsh": SHELL,
  ".ondirrc": SHELL,
  ".mise": SHELL,
  ".rtx.toml": SHELL,
  ".tool-versions": SHELL,
  // What an .envrc that is allowed once leads to is run again whenever it changes.
  "flake.nix": SHELL,
  "flake.lock": SHELL,
  "shell.nix": SHELL,
  "devenv.nix": SHELL,
  "devenv.yaml": SHELL,
  // Of git's folder work comes back (protect.ts); of these nothing does.
  ".hg": VERSIONS,
  ".sl": VERSIONS,
  ".jj": VERSIONS,
  ".bzr": VERSIONS,
  _darcs: VERSIONS,
  ".pijul": VERSIONS,
  ".repo": VERSIONS,
  ".npmrc": PACKAGES,
  "pnpm-workspace.yaml": PACKAGES,
  ".yarnrc": PACKAGES,
  ".yarnrc.yml": PACKAGES,
  ".pnpmfile.cjs": PACKAGES,
  ".pnpmfile.mjs": PACKAGES,
  ".bundle": PACKAGES,
  ".cargo": PACKAGES,
  "rust-toolchain": PACKAGES,
  "rust-toolchain.toml": PACKAGES,
  ".mvn": PACKAGES,
  ".bazelrc": PACKAGES,
  ".irbrc": PROMPT,
  ".pryrc": PROMPT,
  ".rprofile": PROMPT,
  ".renviron": PROMPT,
  ".ghci": PROMPT,
  ".octaverc": PROMPT,
  ".ocamlinit": PROMPT,
  ".iex.exs": PROMPT,
  ".erlang": PROMPT,
  ".gdbinit": PROMPT,
  ".lldbinit": PROMPT,
  ".cloisterignore": "it says what is copied to sessions",
};

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\.(?:code-workspace|sublime-project|sublime-workspace)$/, EDITOR],
  [/^\.?lefthook(?:-local)?\.(?:ya?ml|toml|jsonc?)$/, HOOKS],
  [/^\.?simple-git-hooks\.(?:json|c?js|mjs)$/, HOOKS],
  [/^\.?lint-?staged(?:rc)?(?:\..+)?$|^lint-staged\.config\..+$/, HOOKS],
  [/^\.envrc\..+$/, SHELL],
  [/^\.?mise(?:\.[^.]+)?(?:\.local)?\.toml$/, SHELL],
];

/** Names that are obeyed in one folder only. */
const BELOW: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ".config": { mise: SHELL, "mise.toml": SHELL, "mise.local.toml": SHELL },
  ".yarn": { releases: PACKAGES, plugins: PACKAGES, sdks: EDITOR },
  ".github": { "copilot-instructions.md": AGENT },
};

/**
 * Tells why programs obey a name; undefined when none is known to.
 *
 * @param name as `plain` of protect.ts spells it, and so is `folder`, the one that it is in
 */
export function whyObeyed(name: string, folder?: string): string | undefined {
  // Some file systems leave the end of such a name out.
  const bare = name.replace(/[ .]*(?::.*)?$/s, "") || name;
  const below = folder === undefined ? undefined : own(BELOW, folder);
  return (
    own(NAMES, bare) ??
    (below === undefined ? undefined : own(below, bare)) ??
    PATTERNS.find(([pattern]) => pattern.test(bare))?.[1]
  );
}

const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
