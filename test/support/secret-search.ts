/** Ways in which a secret could stand in a file: raw, as hex, or somewhere inside base64. */
export function formsOf(secret: Uint8Array): Buffer[] {
  const raw = Buffer.from(secret);
  return [raw, Buffer.from(raw.toString('hex')), Buffer.from(raw.toString('hex').toUpperCase()), ...base64Cores(raw)];
}

/** What base64 text holds of bytes wherever they begin in it: the characters that depend on these bytes alone. */
function base64Cores(raw: Buffer): Buffer[] {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), raw])
      .toString('base64')
      .replace(/=+$/, '');
    const first = Math.ceil((shift * 8) / 6);
    const last = Math.floor(((shift + raw.length) * 8) / 6);
    return Buffer.from(text.slice(first, last));
  });
}

/** Names of the outputs that hold one of the secrets. */
export function leaks(secrets: readonly Uint8Array[], outputs: Readonly<Record<string, Buffer>>): string[] {
  const forms = secrets.flatMap(formsOf);
  return Object.entries(outputs).flatMap(([name, bytes]) => (forms.some((form) => bytes.includes(form)) ? [name] : []));
}
