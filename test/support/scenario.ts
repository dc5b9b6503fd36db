/** For the files of `test/netlab/`, which run inside a sandbox and tell what they found as JSON lines. */
export function report(event: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}
