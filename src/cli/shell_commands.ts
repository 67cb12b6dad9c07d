/** The row of the command for shells. */
import type { Command } from "./command.ts";

/** In the order of the help text. */
export const SHELL_COMMANDS: readonly Command[] = [
  {
    name: "completion",
    group: "Shell",
    summary: "print a script that completes commands, flags and files in a shell",
    operands: [{ name: "SHELL", choices: ["bash", "zsh", "fish"] }],
    flags: [],
    examples: [
      { line: 'eval "$(etcd completion bash)"', says: "in ~/.bashrc" },
      { line: 'eval "$(etcd completion zsh)"', says: "in ~/.zshrc, after compinit" },
      { line: "etcd completion fish | source", says: "in ~/.config/fish/config.fish" },
    ],
    load: async () => (await import("./completion.ts")).runCompletion,
  },
];
