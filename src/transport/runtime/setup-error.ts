/** Whose turn it is: the one who wrote the configuration, the one who gives rights, or neither. */
export type SetupFault = 'config' | 'facility' | 'runtime';

/** A gateway that cannot start. The message is one line: where, what, and what would be right. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
  readonly fault: SetupFault;

  constructor(fault: SetupFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
