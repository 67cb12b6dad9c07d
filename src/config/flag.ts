/** What a row of a table of flags holds, of the node's tables and of a command's. */

/** The headings of the help text, in its order; etcd's own flags are the last group. */
export const GROUPS = ["Node", "Cluster", "TLS", "Storage", "Raft", "Logging", "Other"] as const;

interface Row {
  /** As it stands after one or two dashes. */
  readonly name: string;
  /** The variable that gives the same setting; absent where only a flag may. */
  readonly env?: string;
  /** What etcd 3.x calls the same setting; its variable is `ETCD_` and that name in capitals. */
  readonly etcd?: string;
  /** One sentence without a full stop; `shown` is the default in words where a number is not enough. */
  readonly help: string;
  readonly shown?: string;
}

/** A flag that is on when it stands bare; `-flag=false` turns it off. */
export interface BooleanFlag extends Row {
  readonly kind: "boolean";
  readonly initial: boolean;
}

export interface IntegerFlag extends Row {
  readonly kind: "integer";
  /** What stands for the value in the help text. */
  readonly value: string;
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

export interface TextFlag extends Row {
  readonly kind: "text";
  readonly value: string;
  /** Empty means "not given". */
  readonly initial: string;
  /** The only values there are; absent for free text. */
  readonly choices?: readonly string[];
}

/** A time as Go writes it, `1h30m` or `500ms`; read as milliseconds. */
export interface DurationFlag extends Row {
  readonly kind: "duration";
  readonly value: string;
  readonly initial: number;
}

/** A row of any table of flags. */
export type Flag = BooleanFlag | IntegerFlag | TextFlag | DurationFlag;

/** A row of the node's own flags. */
export type NodeFlag = Flag & { readonly group: typeof GROUPS[number] };

/**
 * What becomes of a flag of etcd: it is followed; it does nothing here, and `help` says
 * why; or it asks for what is not there, `help` says why, and any value but the default
 * is refused.
 */
export type Stance = "follow" | "ignore" | "refuse";

/** A row of etcd's flags that are no other name of one of ours. */
export type EtcdFlag = Flag & {
  readonly stance: Stance;
  /** Also taken with `experimental-` before it, as older versions call it. */
  readonly experimental?: true;
};

/** The variable of one of etcd's flags. */
export function variableOf(etcdName: string): string {
  return `ETCD_${etcdName.toUpperCase().replaceAll("-", "_")}`;
}

/** The name after its dashes as people write it: one for ours, two for etcd's long ones. */
export function dashed(name: string): string {
  return name.includes("-") ? `--${name}` : `-${name}`;
}
