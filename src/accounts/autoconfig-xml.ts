// A mail provider's settings in Thunderbird's autoconfig format. The file comes from whoever owns a domain: bounded in
// size and depth, and a document type (the only way to entities) is refused.
import { Parser } from 'htmlparser2';

export const LARGEST_FILE_BYTES = 256 * 1024; // real ones have some kB
const MAX_DEPTH = 20; // the format has five levels
const MAX_SERVERS = 20;
const MAX_VALUE_CHARS = 500;

export interface ConfiguredServer {
  type: 'imap' | 'smtp';
  host: string;
  port: number;
  security: 'tls' | 'starttls';
  /** With the placeholders filled in; null where the file does not say. */
  username: string | null;
  /** Such as `password-cleartext` and `OAuth2`, in the file's order. */
  authentication: string[];
}

interface RawServer {
  kind: string;
  fields: Record<string, string>;
  authentication: string[];
}

const SECURITY: Readonly<Record<string, 'tls' | 'starttls'>> = {
  SSL: 'tls',
  TLS: 'tls',
  STARTTLS: 'starttls',
};

/**
 * The servers that can be used, in the file's order: IMAP and SMTP, encrypted.
 * @param address fills in `%EMAILADDRESS%` and its like
 * @throws Error that says in words why the file cannot be read
 */
export function readAutoconfig(xml: string, address: string): ConfiguredServer[] {
  if (Buffer.byteLength(xml) > LARGEST_FILE_BYTES) throw new Error('the file is too large');
  return rawServers(xml).flatMap((raw) => usable(raw, address) ?? []);
}

function rawServers(xml: string): RawServer[] {
  const open: string[] = [];
  const servers: RawServer[] = [];
  let problem: string | undefined;
  let text = '';
  const current = (): RawServer | undefined =>
    open.length >= 3 && /^(incoming|outgoing)Server$/.test(open[2] ?? '') ? servers.at(-1) : undefined;
  const parser = new Parser(
    {
      onprocessinginstruction(name) {
        if (/^!/.test(name)) problem ??= 'it has a document type, which no settings need';
      },
      onopentag(name, attributes) {
        open.push(name);
        text = '';
        if (open[0] !== 'clientConfig') problem ??= 'it is not a clientConfig';
        if (open.length > MAX_DEPTH) problem ??= 'it is nested too deeply';
        const isServer = open.length === 3 && open[1] === 'emailProvider';
        if (!isServer || !/^(incoming|outgoing)Server$/.test(name)) return;
        if (servers.length >= MAX_SERVERS) problem ??= 'it names too many servers';
        servers.push({ kind: String(attributes.type ?? ''), fields: {}, authentication: [] });
      },
      ontext(data) {
        if (text.length < MAX_VALUE_CHARS) text += data;
      },
      onclosetag(name) {
        const server = open.length === 4 ? current() : undefined;
        const value = text.trim().slice(0, MAX_VALUE_CHARS);
        if (server && name === 'authentication') server.authentication.push(value);
        else if (server && /^(hostname|port|socketType|username)$/.test(name)) server.fields[name] ??= value;
        open.pop();
        text = '';
      },
    },
    { xmlMode: true },
  );
  // In pieces, so that a problem ends the work early.
  for (let at = 0; at < xml.length && !problem; at += 8_192) parser.write(xml.slice(at, at + 8_192));
  if (!problem) parser.end();
  if (problem) throw new Error(problem);
  if (servers.length === 0) throw new Error('it names no servers');
  return servers;
}

function usable({ kind, fields, authentication }: RawServer, address: string): ConfiguredServer | null {
  const security = SECURITY[fields.socketType ?? ''];
  const host = filledIn(fields.hostname ?? '', address).toLowerCase();
  const port = Number(fields.port);
  if ((kind !== 'imap' && kind !== 'smtp') || security === undefined) return null;
  if (!/^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$/.test(host) || !host.includes('.')) return null;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return null;
  const username = fields.username ? filledIn(fields.username, address) : null;
  return { type: kind, host, port, security, username, authentication };
}

function filledIn(text: string, address: string): string {
  const at = address.lastIndexOf('@');
  const values: Record<string, string> = {
    EMAILADDRESS: address,
    EMAILLOCALPART: address.slice(0, at),
    EMAILDOMAIN: address.slice(at + 1),
  };
  return text.replace(
    /%(EMAILADDRESS|EMAILLOCALPART|EMAILDOMAIN)%/g,
    (_, name: string) => values[name] ?? '',
  );
}
