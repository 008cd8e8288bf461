// What the command line is given by main.ts, and how it ends: its streams, its settings, its errors.
import type { Readable, Writable } from 'node:stream';
import type { TrialRequest } from './trial-request.ts';

export type CliInput = Readable & { isTTY?: boolean; setRawMode?: (on: boolean) => unknown };
export type CliOutput = Writable & { isTTY?: boolean; columns?: number };

export interface CliSettings {
  /** Where the gateway answers, such as `http://127.0.0.1:3025`. */
  url: string;
  /** Or whatever token it was given instead; null: it stands in `tokenFile`. */
  adminToken: string | null;
  tokenFile: string;
  rulesDir: string;
  /** Where absent, templates are not looked at. */
  templatesDir?: string;
}

export interface CliIo {
  stdin: CliInput;
  stdout: CliOutput;
  stderr: CliOutput;
  settings: CliSettings;
  /** Runs `agent try`. @returns the exit code */
  tryAgent?: (request: TrialRequest) => Promise<number>;
}

/** 0: done. 1: the gateway, or what was asked for, said no. 2: the command was not written right. */
export const EXIT = { ok: 0, refused: 1, usage: 2 } as const;

/** The command was not written right. */
export class UsageError extends Error {}

export const print = (io: CliIo, text: string): void => void io.stdout.write(`${text}\n`);
export const complain = (io: CliIo, text: string): void => void io.stderr.write(`${text}\n`);
/** Whether a person sits there who can be asked. */
export const canAsk = (io: CliIo): boolean => io.stdin.isTTY === true && io.stdout.isTTY === true;
