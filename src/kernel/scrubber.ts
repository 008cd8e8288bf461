// Keeps secrets out of what is shown, logged or kept of another's words.

/**
 * Takes a password out of text that a server sent: some echo the command they did not like.
 * @returns a function that is linear in its text
 */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret !== '')
    .map((secret) => Buffer.from(secret, 'utf8'))
    // The last as a server says it that took it for Latin-1.
    .flatMap((bytes) => [
      bytes.toString(),
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('latin1'),
    ]);
  return (text) => forms.reduce((rest, form) => rest.replaceAll(form, '[secret]'), text);
}
