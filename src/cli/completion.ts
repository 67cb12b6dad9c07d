/** `etcd completion`: a script for a shell, made from the tables of commands and flags. */
import { bashCompletion } from "./completion_bash.ts";
import { fishCompletion } from "./completion_fish.ts";
import { completionModel } from "./completion_model.ts";
import { zshCompletion } from "./completion_zsh.ts";
import { type Command, EXIT, type Invocation } from "./command.ts";

const SCRIPTS = { bash: bashCompletion, fish: fishCompletion, zsh: zshCompletion } as const;

/** `etcd completion SHELL` */
export function completionOf(commands: readonly Command[]) {
  return ({ operands, terminal }: Invocation): Promise<number> => {
    const shell = operands[0] as keyof typeof SCRIPTS;
    terminal.write(SCRIPTS[shell](completionModel(commands)));
    return Promise.resolve(EXIT.ok);
  };
}
