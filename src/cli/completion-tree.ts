import type { Argument, Command, Option } from 'commander';
import { OfferedArgument } from './offered-argument.ts';

/** A command as completion needs it; made from commander's own definition. */
export interface CompletionNode {
  /** Words from the program's name on, e.g. `keys issue`; empty for the program itself. */
  readonly path: string;
  readonly summary: string;
  readonly options: readonly CompletionOption[];
  readonly children: readonly CompletionNode[];
  /** Words for the first argument, where it has such. */
  readonly choices: readonly string[];
}

export interface CompletionOption {
  /** `--json`, `-V`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** Reads a command and all below it. */
export function completionTree(command: Command, path = ''): CompletionNode {
  const children = command.commands.map((child) => completionTree(child, `${path} ${child.name()}`.trim()));
  const [argument] = command.registeredArguments;
  return {
    path,
    summary: command.summary() || command.description(),
    options: [
      ...command.options.map(optionOf),
      { flags: ['--help'], description: 'show help', takesValue: false, choices: [] },
    ],
    children,
    choices: argument === undefined ? [] : wordsOf(argument),
  };
}

function wordsOf(argument: Argument): readonly string[] {
  return argument instanceof OfferedArgument ? argument.offered : (argument.argChoices ?? []);
}

function optionOf({ short, long, description, required, optional, argChoices }: Option): CompletionOption {
  return {
    flags: [long, short].filter((flag) => flag !== undefined),
    description,
    takesValue: required || optional,
    choices: argChoices ?? [],
  };
}

/** The node itself and all below it. */
export function allNodes(node: CompletionNode): CompletionNode[] {
  return [node, ...node.children.flatMap(allNodes)];
}

/** Last word of a node's path. */
export function nameOf({ path }: CompletionNode): string {
  return path.slice(path.lastIndexOf(' ') + 1);
}
