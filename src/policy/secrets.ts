// Secrets in what an agent wrote, as they are and in the usual disguises: pure. Which secrets this gateway has is asked of
// whoever knows them by their fingerprints.
import { OWN_TOKEN } from '../kernel/own-tokens.ts';
import { type Finding, finding } from './rules.ts';

/** Keys of well-known services, and what is said to be a password. */
const CREDENTIALS: readonly RegExp[] = [
  /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY-----/,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/,
  /\bgh[pousr]_[A-Za-z0-9]{30,}\b|\bgithub_pat_[A-Za-z0-9_]{30,}\b|\bglpat-[A-Za-z0-9_-]{20,}/,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/,
  /\bAIza[A-Za-z0-9_-]{35}\b/,
  /\bsk-(?:[a-z0-9]{2,10}-){0,3}[A-Za-z0-9_-]{20,}|\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/,
  /\beyJ[A-Za-z0-9_-]{10,400}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/,
  /\b(?:password|passwort|kennwort|passphrase|mot de passe|contraseña|api[ _-]?key|secret[ _-]?key|access[ _-]?token|pin code)\b\s{0,3}(?:is|ist|est|es|lautet)?\s{0,3}[:=]?\s{0,3}["'`]?(?=\S{0,60}\d)[^\s"'`,;]{6,}/iu,
  /密码\s{0,3}(?:是|为)?\s{0,3}[:：=]?\s{0,3}[\x21-\x7e]{6,}/,
];
const BASE64_RUN = /[A-Za-z0-9+/_-]{16,}={0,2}/g;
const HEX_RUN = /(?:[0-9a-f]{2}[\s:,-]?){8,}[0-9a-f]?/gi;

/**
 * @param isOurs whether a secret of this gateway stands in the text, as it is
 */
export function findSecrets(text: string, isOurs: (text: string) => boolean): Finding[] {
  const forms = formsOf(text);
  if (forms.some((form) => OWN_TOKEN.test(form) || isOurs(form)))
    return [finding('gateway_secret', 'a token, key or password of this gateway stands in it')];
  const isCredential = forms.some((form) => CREDENTIALS.some((pattern) => pattern.test(form)));
  return isCredential ? [finding('credential', 'Something in it looks like a key or a password.')] : [];
}

/** The text as it is, and what is read in it without its white space, backwards, and decoded once. */
function formsOf(text: string): string[] {
  const folded = text.normalize('NFKC');
  const squeezed = folded.replace(/[\s\u00ad\u200b-\u200f\u2060\ufeff]+/g, '');
  const forms = new Set([text, folded, squeezed, [...squeezed].reverse().join('')]);
  if (/%[0-9a-f]{2}/i.test(text)) forms.add(percentDecoded(text));
  for (const source of new Set([folded, squeezed])) {
    const base64 = source.match(BASE64_RUN) ?? [];
    const hex = (source.match(HEX_RUN) ?? []).map((run) => run.replace(/[^0-9a-f]/gi, ''));
    // Letters in front of what is encoded would shift it: it is read from each place at which a group may begin.
    for (const from of [0, 1, 2, 3]) forms.add(decoded(base64, 'base64', from));
    for (const from of [0, 1]) forms.add(decoded(hex, 'hex', from));
  }
  return [...forms];
}

/** All of them, however many: together they are no longer than the text. */
const decoded = (runs: readonly string[], encoding: 'base64' | 'hex', from: number): string =>
  runs.map((run) => Buffer.from(run.slice(from), encoding).toString('utf8')).join('\n');

const percentDecoded = (text: string): string =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
