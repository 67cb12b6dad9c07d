/** The row of the command for shells. */
import type { Command } from "./command.ts";

/** For the shells in which somebody types `commands`. */
export function shellCommand(commands: () => readonly Command[]): Command {
  return {
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
    load: async () => (await import("./completion.ts")).completionOf(commands()),
  };
}
