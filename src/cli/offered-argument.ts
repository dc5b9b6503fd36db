import { Argument } from 'commander';

/** An argument with words that a shell offers for it; what other words are worth, the command says itself. */
export class OfferedArgument extends Argument {
  readonly offered: readonly string[];

  constructor(usage: string, description: string, offered: readonly string[]) {
    super(usage, description);
    this.offered = offered;
  }
}
