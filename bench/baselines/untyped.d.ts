// What the baselines use of a library that brings no types of its own; src/mail/untyped.d.ts declares the rest of it.

declare module 'mailparser' {
  export function simpleParser(source: Buffer | string): Promise<{ messageId?: string }>;
}
