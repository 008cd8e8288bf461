// The answer to a fetch of metadata, read in one pass (RFC 9051 §7.5.2). ImapFlow makes tokens of every answer, writes
// them anew for a log and again for the keys, and so takes five times as long. What is not of the plain form that nearly
// all answers have is left to it: a null here is never an error.
import type { MessageStructureObject } from 'imapflow';

export interface FetchAnswer {
  uid: number;
  flags: string[];
  internalDate: number;
  size: number;
  headers: Buffer;
  bodyStructure: MessageStructureObject;
  threadId?: string;
}

const LONGEST_LINE_BYTES = 64 * 1024; // some hundred parts; longer lines are rare
const MAX_DEPTH = 50;
const PLAIN = /^[\x20-\x7e\r\n]*$/;
const START = /^\* \d+ FETCH \(/;

/** @param line the answer without its last line end @param literals what stood in it as literals, in order */
export function readFetchAnswer(line: Buffer, literals: readonly Buffer[]): FetchAnswer | null {
  if (literals.length !== 1 || line.length > LONGEST_LINE_BYTES || line[0] !== 0x2a) return null;
  const text = line.toString('latin1');
  const start = START.exec(text);
  if (!start || !PLAIN.test(text)) return null;
  return new Reader(text, start[0].length).answer(literals[0] as Buffer);
}

type Token = string | null | Token[];

/** Thrown where an answer is of another form; one object for all, because it carries nothing. */
const OTHER_FORM = new Error('not of the plain form');

class Reader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  answer(literal: Buffer): FetchAnswer | null {
    try {
      return this.#items(literal);
    } catch (error) {
      if (error === OTHER_FORM) return null;
      throw error;
    }
  }

  #items(literal: Buffer): FetchAnswer | null {
    const found: Partial<FetchAnswer> = {};
    for (;;) {
      const end = this.#text.indexOf(' ', this.#at);
      if (end < 0) return null;
      const name = this.#text.slice(this.#at, end);
      this.#at = end + 1;
      if (!this.#item(name, literal, found)) return null;
      const next = this.#text[this.#at++];
      if (next === ')') break;
      if (next !== ' ') return null;
    }
    if (this.#at !== this.#text.length) return null;
    const { uid, flags, internalDate, size, headers, bodyStructure, threadId } = found;
    if (uid === undefined || !flags || internalDate === undefined || size === undefined) return null;
    if (!headers || !bodyStructure) return null;
    const answer: FetchAnswer = { uid, flags, internalDate, size, headers, bodyStructure };
    if (isThreadId(threadId)) answer.threadId = threadId;
    return answer;
  }

  #item(name: string, literal: Buffer, found: Partial<FetchAnswer>): boolean {
    switch (name) {
      case 'UID':
        found.uid = this.#number();
        return true;
      case 'RFC822.SIZE':
        found.size = this.#number();
        return true;
      case 'FLAGS':
        found.flags = this.#flags();
        return true;
      case 'INTERNALDATE':
        found.internalDate = Date.parse(this.#quoted());
        return !Number.isNaN(found.internalDate);
      case 'BODYSTRUCTURE':
        found.bodyStructure = nodeOf(this.#list(0), '');
        return true;
      case 'BODY[HEADER]':
        if (found.headers || !this.#literalMark(literal.length)) return false;
        found.headers = literal;
        return true;
      case 'MODSEQ': // what ImapFlow asks for by itself where a server has it
      case 'EMAILID':
        this.#list(0);
        return true;
      case 'X-GM-MSGID':
        this.#atom();
        return true;
      case 'X-GM-THRID':
        found.threadId = this.#atom();
        return true;
      case 'THREADID': // in parentheses, or NIL where the server keeps none (RFC 8474 §4.2)
        if (this.#text[this.#at] === '(') found.threadId = textOf(this.#list(0)[0]);
        else if (this.#atom() !== 'NIL') return false;
        return true;
      default:
        return false;
    }
  }

  #number(): number {
    const digits = this.#atom();
    if (!/^\d{1,15}$/.test(digits)) throw OTHER_FORM;
    return Number(digits);
  }

  #flags(): string[] {
    const end = this.#text.indexOf(')', this.#at);
    if (this.#text[this.#at] !== '(' || end < 0) throw OTHER_FORM;
    const inside = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    if (inside === '') return [];
    if (/["({]|^ | {2}| $|\bNIL\b/i.test(inside)) throw OTHER_FORM;
    const flags = inside.split(' ');
    return new Set(flags).size === flags.length ? flags : [...new Set(flags)];
  }

  /** `{n}` with its line end: the literal that was taken out of the line stood here. */
  #literalMark(length: number): boolean {
    const mark = `{${length}}\r\n`;
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #list(depth: number): Token[] {
    if (this.#text[this.#at] !== '(' || depth > MAX_DEPTH) throw OTHER_FORM;
    this.#at++;
    const tokens: Token[] = [];
    for (;;) {
      const char = this.#text.charCodeAt(this.#at);
      if (char === 0x29) {
        this.#at++;
        return tokens;
      }
      if (char === 0x20) this.#at++;
      else if (char === 0x28) tokens.push(this.#list(depth + 1));
      else if (char === 0x22) tokens.push(this.#quoted());
      else tokens.push(nilOr(this.#atom()));
    }
  }

  #quoted(): string {
    const start = this.#at + 1;
    const end = this.#text.indexOf('"', start);
    if (this.#text[this.#at] !== '"' || end < 0) throw OTHER_FORM;
    const value = this.#text.slice(start, end);
    if (value.includes('\\') || value.includes('\n') || value.includes('\r')) throw OTHER_FORM;
    this.#at = end + 1;
    return value;
  }

  #atom(): string {
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x20 || code === 0x28 || code === 0x29) break;
      if (code === 0x22 || code === 0x7b || code < 0x20) throw OTHER_FORM; // a quote, a literal, a line end
    }
    if (this.#at === start) throw OTHER_FORM;
    return this.#text.slice(start, this.#at);
  }
}

/** A decimal number, or an objectid (RFC 8474 §4). */
export const isThreadId = (id: unknown): id is string =>
  typeof id === 'string' && /^[A-Za-z0-9_-]{1,255}$/.test(id);

const nilOr = (atom: string): string | null => (atom.toUpperCase() === 'NIL' ? null : atom);

const textOf = (token: Token | undefined): string => {
  if (Array.isArray(token)) throw OTHER_FORM;
  return token ?? '';
};

/** A body as RFC 9051 §7.5.2 writes it, in the order: fields that are always there, then extension data. */
function nodeOf(tokens: readonly Token[], path: string): MessageStructureObject {
  return Array.isArray(tokens[0]) ? multipartOf(tokens, path) : leafOf(tokens, path);
}

function multipartOf(tokens: readonly Token[], path: string): MessageStructureObject {
  const childNodes: MessageStructureObject[] = [];
  let at = 0;
  for (; Array.isArray(tokens[at]); at++) {
    const child = tokens[at] as Token[];
    childNodes.push(nodeOf(child, path === '' ? String(at + 1) : `${path}.${at + 1}`));
  }
  const node: MessageStructureObject = { type: `multipart/${textOf(tokens[at]).toLowerCase()}`, childNodes };
  if (path !== '') node.part = path;
  const parameters = parametersOf(tokens[at + 1]);
  if (parameters) node.parameters = parameters;
  setDisposition(node, tokens[at + 2]);
  return node;
}

const FIELDS_OF_A_LEAF = 7; // type, subtype, parameters, id, description, encoding, size
const FIELDS_OF_A_TEXT = 12; // those, its lines, and all four of the extension data

function leafOf(tokens: readonly Token[], path: string): MessageStructureObject {
  const [type, subtype, parameters, id, , encoding, size] = tokens;
  const main = textOf(type).toLowerCase();
  // An attached message carries an envelope and a body of its own; servers differ in what they leave out of a text.
  if (main === 'message' || tokens.length < FIELDS_OF_A_LEAF) throw OTHER_FORM;
  if (main === 'text' && tokens.length < FIELDS_OF_A_TEXT) throw OTHER_FORM;
  const node: MessageStructureObject = { type: `${main}/${textOf(subtype).toLowerCase()}` };
  if (path !== '') node.part = path;
  const read = parametersOf(parameters);
  if (read) node.parameters = read;
  if (id) node.id = textOf(id);
  if (encoding) node.encoding = textOf(encoding).toLowerCase();
  if (size) node.size = Number(textOf(size)) || 0;
  // After the lines of a text come an MD5 and the disposition.
  setDisposition(node, tokens[FIELDS_OF_A_LEAF + (main === 'text' ? 2 : 1)]);
  return node;
}

function setDisposition(node: MessageStructureObject, token: Token | undefined): void {
  if (!Array.isArray(token)) {
    if (token) throw OTHER_FORM;
    return;
  }
  if (token.length === 0) return;
  node.disposition = textOf(token[0]).toLowerCase();
  const parameters = parametersOf(token[1]);
  if (parameters) node.dispositionParameters = parameters;
}

const UNSAFE_NAMES = new Set(['constructor', 'prototype']); // of an object's own

/** Names and values in turn. Values in parts, in other charsets or encoded (RFC 2231, RFC 2047) are of another form. */
function parametersOf(token: Token | undefined): Record<string, string> | undefined {
  if (!Array.isArray(token)) {
    if (token) throw OTHER_FORM;
    return undefined;
  }
  const parameters: Record<string, string> = {};
  for (let at = 0; at < token.length; at += 2) {
    const name = textOf(token[at]).toLowerCase();
    const value = textOf(token[at + 1]);
    if (!/^[a-z][a-z0-9.-]*$/.test(name) || UNSAFE_NAMES.has(name)) throw OTHER_FORM;
    if (value.includes('=?') || value.includes("'")) throw OTHER_FORM;
    parameters[name] = value;
  }
  return parameters;
}
